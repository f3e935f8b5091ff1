# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Completion for bash: verbs, the options that their --help lists, process IDs, files.

_cprofbpf() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb= words=

	[[ $COMP_CWORD -eq 1 || ${COMP_WORDS[1]} == -* ]] || verb=${COMP_WORDS[1]}
	if [[ $before == -p || $before == --pid ]]; then
		words=$(cd /proc && echo [1-9]*)
	elif [[ $word == -* ]]; then
		words=$(cprofbpf $verb --help | grep -oE '(^|[ ,])--?[[:alpha:]][[:alnum:]_-]*' | tr -d ' ,' | sort -u)
	elif [[ $COMP_CWORD -eq 1 || $verb == help ]]; then
		words=$(cprofbpf --help | sed -n '/^Verbs/,$s/^  \([a-z]*\) .*/\1/p')
	fi
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -o bashdefault -o default -F _cprofbpf cprofbpf
