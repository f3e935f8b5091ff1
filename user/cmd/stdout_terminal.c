// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/stdout_terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* NO_COLOR is everybody's: no-color.org. */
struct terminal stdout_terminal(void)
{
	const char *name = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct winsize size;

	return (struct terminal){
		.columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0,
		.colors = !(name && strcmp(name, "dumb") == 0) && !(no_color && no_color[0]),
	};
}
