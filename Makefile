# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
#   make            build build/cprofbpf
#   make demo       install what building needs, build, profile a demo program
#   make check      install what tests need, build, run every test and the linters
#   make bench      the figures, beside other profilers
#   make bench-gate what the gate holds, on real programs: an hour
#   make install    PREFIX=/usr/local DESTDIR=
#
# V=1 shows the commands. Everything made is in build/.

VERSION := 0.1.0

CC      ?= cc
CLANG   ?= clang
LLVM_STRIP ?= llvm-strip
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   := build
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$1' '$2')

.DELETE_ON_ERROR:
.SECONDARY:
all: $(BUILD)/cprofbpf
.PHONY: all

# ---- The rooms and their arrows -------------------------------------------------------------
# uses_ROOM: the rooms that ROOM may include directly; arrows are transitive. tools/arrows reads
# this table too, so what links and what may be included cannot drift apart.

ROOMS := base elf unwind proc probe sym profile collect symbolize session report stats gate cmd

uses_abi       :=
uses_lib       := abi
uses_base      :=
uses_elf       := base
uses_unwind    := elf lib
uses_proc      := base
uses_probe     := elf proc
uses_sym       := elf proc
uses_profile   := base
uses_collect   := unwind probe
uses_symbolize := sym profile
uses_session   := collect symbolize
uses_report    := profile
uses_stats     := base
uses_gate      := report stats
uses_cmd       := session report gate

# The libraries that a room calls (pkg-config names).
libs_elf       := libelf
libs_unwind    :=
libs_probe     := libelf capstone
libs_sym       := libdw libelf zlib
libs_profile   := libprotobuf-c zlib
libs_report    := libpcre2-8
libs_gate      := jansson
libs_collect   := libbpf

# Libraries without a pkg-config file.
ldlibs_sym     := -liberty
ldlibs_report  := -liberty

closure = $(sort $1 $(foreach r,$1,$(if $(uses_$r),$(call closure,$(uses_$r)))))
room_pkgs = $(sort $(foreach r,$1,$(libs_$r)))
room_libs = $(foreach r,$1,$(ldlibs_$r)) \
	$(if $(call room_pkgs,$1),$(shell pkg-config --libs $(call room_pkgs,$1)))

# ---- Compiling ------------------------------------------------------------------------------

WARN     := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith
CPPFLAGS += -D_GNU_SOURCE -DCPROFBPF_VERSION='"$(VERSION)"' -Iuser -Ibpf -I$(BUILD)/gen
CFLAGS   ?= -O2 -g
STD      := -std=gnu11 -ffp-contract=off -pthread $(WARN)
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PROTO_C := $(BUILD)/gen/profile.pb-c.c
PROTO_H := $(BUILD)/gen/profile.pb-c.h
BPF_OBJECTS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
BPF_EMBEDS  := $(BPF_OBJECTS:.bpf.o=.embed.o)

room_sources = $(wildcard user/$1/*.c)

# $(call variant,NAME,FLAGS): every room as an archive in build/NAME/, and its unit tests.
define variant_room
objects_$1_$2 := $(patsubst %.c,$(BUILD)/$1/%.o,$(call room_sources,$2))
ifeq ($2,profile)
objects_$1_$2 += $(BUILD)/$1/gen/profile.pb-c.o
endif
ifeq ($2,collect)
objects_$1_$2 += $(BPF_EMBEDS)
endif
ifeq ($2,report)
objects_$1_$2 += $(BUILD)/gen/flame.js.o $(BUILD)/gen/flame.css.o
endif
$(BUILD)/$1/$2.a: $$(objects_$1_$2)
	$$(call say,AR,$$@)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef

define variant
$(foreach r,$(ROOMS),$(eval $(call variant_room,$1,$r)))
$$(objects_$1_profile) $(patsubst %.c,$(BUILD)/$1/%.o,$(wildcard tests/unit/profile_*.c)): | $(PROTO_H)
$(BUILD)/$1/%.o: %.c
	$$(call say,CC,$$<)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CC) $$(CPPFLAGS) $(STD) $2 -MMD -MP -c $$< -o $$@
$(BUILD)/$1/gen/%.o: $(BUILD)/gen/%.c
	$$(call say,CC,$$<)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CC) $$(CPPFLAGS) $(STD) $2 -Wno-unused-parameter -MMD -MP -c $$< -o $$@
endef

$(eval $(call variant,user,$$(CFLAGS)))
$(eval $(call variant,asan,$(SANITIZE)))

archives = $(patsubst %,$(BUILD)/$1/%.a,$(filter $(ROOMS),$2))

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: proto/%.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<

$(BUILD)/cprofbpf: $(call archives,user,$(ROOMS))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pthread $(LDFLAGS) -Wl,--start-group $^ -Wl,--end-group \
		$(call room_libs,$(ROOMS)) -lm -o $@

# For reports of whole profiles; the unit tests of each room are sanitized, too.
$(BUILD)/asan/cprofbpf: $(call archives,asan,$(ROOMS))
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) -pthread $(LDFLAGS) -Wl,--start-group $^ -Wl,--end-group \
		$(call room_libs,$(ROOMS)) -lm -o $@

# What goes into a page as it is: report_flame_js .. report_flame_js_end.
$(BUILD)/gen/flame.%.o: user/report/flame.%
	$(call say,EMBED,$<)
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '.section .rodata' '.global report_flame_$*, report_flame_$*_end' \
		'report_flame_$*: .incbin "$<"' 'report_flame_$*_end:' '.section .note.GNU-stack,"",@progbits' \
		| $(CC) -c -x assembler - -o $@

# ---- BPF ------------------------------------------------------------------------------------

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Ibpf -D__TARGET_ARCH_x86 \
	-isystem /usr/include/$(shell uname -m)-linux-gnu

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

# The object becomes bytes in the binary: bpf_object_NAME .. bpf_object_NAME_end.
$(BUILD)/bpf/%.embed.o: $(BUILD)/bpf/%.bpf.o
	$(call say,EMBED,$<)
	$(Q)printf '%s\n' '.section .rodata' '.balign 16' '.global bpf_object_$*, bpf_object_$*_end' \
		'bpf_object_$*: .incbin "$<"' 'bpf_object_$*_end:' '.section .note.GNU-stack,"",@progbits' \
		| $(CC) -c -x assembler - -o $@

# ---- Unit tests: tests/unit/ROOM_*_test.c, linked with ROOM and what it may use -------------------

# Libraries that only a room's tests call (pkg-config names).
test_libs_unwind := libdw libelf

UNIT_SOURCES := $(wildcard tests/unit/*_test.c)
unit_room     = $(firstword $(subst _, ,$(notdir $1)))
define unit_rule
$(BUILD)/$1/unit/$(basename $(notdir $2)): $(BUILD)/$1/$(2:.c=.o) \
		$(call archives,$1,$(call closure,$(call unit_room,$2)))
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CC) -pthread $3 $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$(call room_libs,$(call closure,$(call unit_room,$2))) \
		$(if $(test_libs_$(call unit_room,$2)),$(shell pkg-config --libs \
			$(test_libs_$(call unit_room,$2)))) -lcmocka -lm -o $$@
endef
$(foreach t,$(UNIT_SOURCES),$(eval $(call unit_rule,user,$t,$$(CFLAGS))))
$(foreach t,$(UNIT_SOURCES),$(eval $(call unit_rule,asan,$t,$(SANITIZE))))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/user/unit/%,$(UNIT_SOURCES))
UNIT_ASAN  := $(patsubst tests/unit/%.c,$(BUILD)/asan/unit/%,$(UNIT_SOURCES))

# ---- Tools in C: tools/NAME*.c make build/tools/NAME, linked with rooms ----------------------------

# walkcheck PID: are our stacks those that libdw finds?
$(BUILD)/tools/walkcheck: $(patsubst %.c,$(BUILD)/user/%.o,$(wildcard tools/walkcheck*.c)) \
		$(call archives,user,$(call closure,collect))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -pthread $(CFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call room_libs,$(call closure,collect)) $(shell pkg-config --libs libdw) -o $@

# bench_profile: large profiles, for the reports' figures.
$(BUILD)/tools/bench_profile: $(BUILD)/user/tools/bench_profile.o $(call archives,user,$(call closure,profile))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -pthread $(CFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call room_libs,$(call closure,profile)) -o $@

# probe_floor: empty probes, for the heap's figures.
$(BUILD)/tools/probe_floor: $(BUILD)/user/tools/probe_floor.o $(call archives,user,$(call closure,collect))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -pthread $(CFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call room_libs,$(call closure,collect)) -o $@

# ---- Programs that tests profile: tests/targets/ -------------------------------------------------

TARGET_WARN  := -Wall -Wextra -Werror -D_GNU_SOURCE
TARGET_NO_FP := -O2 -g -fomit-frame-pointer -fasynchronous-unwind-tables
TARGET_ALLOC := $(TARGET_NO_FP) -fno-builtin
TARGET_LEVELS := O0 O1 O2 O3

# $(call target,NAME,SOURCE,COMMAND): build/targets/NAME from tests/targets/SOURCE.
define target
TARGETS += $(BUILD)/targets/$1
$(BUILD)/targets/$1: tests/targets/$2 $(wildcard tests/targets/*.h)
	$$(call say,TARGET,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$3 $(TARGET_WARN) $$< -o $$@ -pthread
endef

$(eval $(call target,demo,demo.cc,$$(CXX) -std=c++17 $(TARGET_NO_FP)))
$(eval $(call target,depth,depth.cc,$$(CXX) -std=c++17 $(TARGET_NO_FP) -s))
$(foreach t,shares threads timer signals dlopens execs forks fiber,\
	$(eval $(call target,$t,$t.c,$$(CC) $(TARGET_NO_FP))))
$(eval $(call target,gate-base,gate_bench.c,$$(CC) $(TARGET_NO_FP)))
$(eval $(call target,gate-slower,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DRANK_PERCENT=160))
$(eval $(call target,gate-slower10,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DRANK_PERCENT=110))
$(eval $(call target,gate-allocs,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DALLOCATIONS=103))
$(eval $(call target,gate-allocs-parse,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DALLOCATIONS=103 -DNODES=93))
$(eval $(call target,gate-both,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DRANK_PERCENT=160 -DALLOCATIONS=103))
$(eval $(call target,gate-moved,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DMOVED=30))
$(eval $(call target,gate-renamed,gate_bench.c,$$(CC) $(TARGET_NO_FP) -DRENAMED))
$(eval $(call target,lazy,lazy.c,$$(CC) $(TARGET_NO_FP) -no-pie -z lazy))
$(eval $(call target,drap,drap.c,$$(CC) $(TARGET_NO_FP) -mavx2))
$(eval $(call target,plugin-one.so,plugin.c,$$(CC) $(TARGET_NO_FP) -fPIC -shared))
$(eval $(call target,plugin-two.so,plugin.c,$$(CC) $(TARGET_NO_FP) -fPIC -shared -DPLUGIN_TWO))
$(foreach l,$(TARGET_LEVELS),\
	$(eval $(call target,chain-gcc-$l,chain.c,gcc -$l -g))\
	$(eval $(call target,chain-clang-$l,chain.c,$$(CLANG) -$l -g)))
$(eval $(call target,chain-static,chain.c,$$(CC) $(TARGET_NO_FP) -static))
$(eval $(call target,chain-static-pie,chain.c,$$(CC) $(TARGET_NO_FP) -static-pie))
$(eval $(call target,chain-no-pie,chain.c,$$(CC) $(TARGET_NO_FP) -no-pie))
$(eval $(call target,chain-musl,chain.c,musl-gcc $(TARGET_NO_FP)))
$(eval $(call target,chain-musl-static,chain.c,musl-gcc $(TARGET_NO_FP) -static))
$(eval $(call target,chain-stripped,chain.c,$$(CC) $(TARGET_NO_FP) -s))
$(eval $(call target,chain-musl-stripped,chain.c,musl-gcc $(TARGET_NO_FP) -static -s))
$(eval $(call target,chain-musl-pie-stripped,chain.c,musl-gcc $(TARGET_NO_FP) -static -static-pie -s))
$(eval $(call target,libc_calls-musl,libc_calls.c,musl-gcc $(TARGET_NO_FP)))
$(eval $(call target,libc_calls-musl-static,libc_calls.c,musl-gcc $(TARGET_NO_FP) -static))
$(eval $(call target,libc_calls-musl-stripped,libc_calls.c,musl-gcc $(TARGET_NO_FP) -static -s))
$(eval $(call target,chain-no-cfi,chain.c,$$(CC) $(TARGET_NO_FP) -fno-asynchronous-unwind-tables -fno-unwind-tables))
$(eval $(call target,chain-no-cfi-stripped,chain.c,$$(CC) $(TARGET_NO_FP) -fno-asynchronous-unwind-tables -fno-unwind-tables -s))

$(foreach t,calls edges custom count cross bench server,\
	$(eval $(call target,alloc_$t,alloc_$t.c,$$(CC) $(TARGET_ALLOC))))
$(eval $(call target,alloc_new,alloc_new.cc,$$(CXX) -std=c++17 $(TARGET_ALLOC)))
$(eval $(call target,plugin-leak.so,leak.c,$$(CC) $(TARGET_ALLOC) -fPIC -shared))
$(eval $(call target,alloc_calls-static,alloc_calls.c,$$(CC) $(TARGET_ALLOC) -static))
$(eval $(call target,alloc_calls-stripped,alloc_calls.c,$$(CC) $(TARGET_ALLOC) -static -s))
$(eval $(call target,alloc_calls-musl,alloc_calls.c,musl-gcc $(TARGET_ALLOC)))
$(eval $(call target,alloc_calls-musl-static,alloc_calls.c,musl-gcc $(TARGET_ALLOC) -static))

.PHONY: targets
targets: $(TARGETS)

# ---- Fuzzers: tests/fuzz/ROOM_*_fuzz.c, linked with ROOM and what it may use ----------------------

FUZZ_SECONDS ?= 120
FUZZ_SOURCES := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_CFLAGS  := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZERS      := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/bin/%,$(FUZZ_SOURCES))

$(BUILD)/fuzz/%.o: CC = $(CLANG)
$(eval $(call variant,fuzz,$(FUZZ_CFLAGS)))
define fuzz_rule
$(BUILD)/fuzz/bin/$(basename $(notdir $1)): $(BUILD)/fuzz/$(1:.c=.o) \
		$(call archives,fuzz,$(call closure,$(call unit_room,$1)))
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CLANG) -pthread -fsanitize=fuzzer,address,undefined $$< \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$(call room_libs,$(call closure,$(call unit_room,$1))) -lm -o $$@
endef
$(foreach f,$(FUZZ_SOURCES),$(eval $(call fuzz_rule,$f)))

# ---- Checks: each prints "N passed, N failed" at its end; tools/check adds them up ---------------

.PHONY: setup demo check lint unit asan golden golden-asan fuzz e2e kernels bench bench-gate check-programs
setup:
	@tools/setup build

# What apt installs while make runs is seen by a new make only.
demo:
	@tools/setup build
	@$(MAKE) --no-print-directory all $(BUILD)/targets/demo
	@tools/demo $(BUILD)

check:
	@tools/setup test
	@tools/check $(BUILD)

check-programs: all $(TARGETS) $(UNIT_TESTS) $(UNIT_ASAN) $(FUZZERS) $(BUILD)/asan/cprofbpf

lint:
	@tools/arrows; arrows=$$?; tools/lint && exit $$arrows

unit: $(UNIT_TESTS)
	@tools/unit $(UNIT_TESTS)

asan: $(UNIT_ASAN)
	@tools/unit $(UNIT_ASAN)

golden: $(BUILD)/cprofbpf
	@tests/golden/run $<

# Every name has a "_"; what the cases cover is counted once.
golden-asan: $(BUILD)/asan/cprofbpf
	@tests/golden/run $< _

fuzz: $(FUZZERS)
	@tests/fuzz/run $(FUZZ_SECONDS) $(BUILD)/fuzz $(FUZZERS)

e2e: all targets
	@tests/e2e/run $(TESTS)

kernels: all targets
	@tests/kernels/run $(BUILD)

bench: all targets $(BUILD)/tools/bench_profile $(BUILD)/tools/probe_floor
	@tools/setup test
	@tools/bench

bench-gate: all targets $(BUILD)/tools/bench_profile
	@tools/setup test
	@tools/bench-gate

# ---- The rest ---------------------------------------------------------------------------------

.PHONY: install clean
install: $(BUILD)/cprofbpf
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/bin/cprofbpf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 user/cmd/*.1
	install -D -m 644 user/cmd/cprofbpf.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/cprofbpf

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
