# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# To be sourced: packages of other Debian releases than the system's own. apt works on sources, lists and a
# cache in a directory of ours, so nothing of the system's is changed.

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The Debian mirror that the system itself uses, whichever way its sources are written.
mirror() {
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		echo "$DEBIAN_MIRROR"
		return
	fi
	(
		. /etc/os-release
		[ "$ID" = debian ] || exit 0
		apt-get --print-uris update | sed -n "s,^'\(.*\)/dists/$VERSION_CODENAME/InRelease'.*,\1,p" | head -n 1
	)
}

# apt_in DIR COMMAND...: run an apt tool that sees nothing but DIR.
apt_in() {
	local dir=$1 tool=$2
	shift 2
	"$tool" -q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::State::status=/dev/null -o Dir::Cache="$dir/cache" \
		-o APT::Get::List-Cleanup=0 -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o Acquire::Languages=none -o APT::Sandbox::User= -o Acquire::Check-Valid-Until=false \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# apt_begin DIR URL SUITE: make DIR what apt_in works in, and fetch the suite's list of packages.
apt_begin() {
	mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
	echo "deb [signed-by=$keyring] $2 $3 main" >"$1/sources.list"
	apt_in "$1" apt-get update >"$1/log" 2>&1 || { cat "$1/log" >&2; return 1; }
}
