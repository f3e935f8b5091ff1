// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dlopens [SECONDS]: loads plugin-one.so and plugin-two.so, found beside the program, by turns;
 * each works for 5 ms and is unloaded. The second often comes to lie where the first was.
 */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "target.h"

TARGET_ROW int plugin_call(const char *directory, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/plugin-%s.so", directory, name);
	void *plugin = dlopen(path, RTLD_NOW);
	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	void (*run)(void) = (void (*)(void))dlsym(plugin, "plugin_run");
	run();
	return dlclose(plugin);
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	char self[PATH_MAX] = { 0 };

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	const char *directory = dirname(self);
	target_ready();
	while (!target_is_over(deadline_ns))
		if (plugin_call(directory, "one") != 0 || plugin_call(directory, "two") != 0)
			return 1;
	return 0;
}
