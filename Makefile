# Run "make help" for the list of targets.

SHELL       = /bin/bash
.SHELLFLAGS = -euc

B          ?= build
JOBS       ?= $(shell nproc)
CC         ?= gcc
OPT        ?= -O2 -g
SANITIZE   ?=

DESTDIR    ?=
PREFIX     ?= /usr
MODULES    ?= /usr/lib/nginx/modules

CORE_DIRS   = core oci access store
CORE        = $(wildcard $(CORE_DIRS:%=src/%/*.c))
CLI         = $(wildcard src/cli/*.c)
UNIT        = $(wildcard t/unit/*_test.c)
FUZZ        = $(wildcard t/fuzz/*_fuzz.c)
HEADERS     = $(wildcard src/*/*.h)

# the core and the tool: stricter than nginx's own flags, less what gcc says of
# conversions only where it has added the checks of a sanitizer

HARDEN      = $(if $(SANITIZE),,-fstack-protector-strong -D_FORTIFY_SOURCE=2)
SANFLAGS    = $(if $(SANITIZE),-fsanitize=$(SANITIZE) \
                -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
                -Wno-conversion -Wno-sign-conversion)
INCLUDES    = $(CORE_DIRS:%=-Isrc/%)
STRICT      = -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Wconversion -Wshadow \
              -Werror
COMPILE     = $(CC) $(STRICT) $(OPT) $(HARDEN) $(SANFLAGS) $(INCLUDES) -MMD -MP
LIBS        = -ljansson -lhiredis -lpcre2-8 -lcrypto
TOOL_LIBS   = $(LIBS) -lssl

CORE_OBJS   = $(CORE:src/%.c=$(B)/%.o)
CLI_OBJS    = $(CLI:src/%.c=$(B)/%.o)
UNIT_BINS   = $(UNIT:t/unit/%.c=$(B)/unit/%)
FUZZ_BINS   = $(FUZZ:t/fuzz/%.c=$(B)/fuzz/%)

MODULE      = $(B)/ngx_http_registry_module.so
LIBRARY     = $(B)/libregistry.a
TOOL        = $(B)/ngx-registry

# V=1 shows whole commands

Q           = $(if $(V),,@)
say         = @echo "  $(1)	$(2)"

MAKEFLAGS  += --no-print-directory

export B JOBS V

.SECONDARY:
.DELETE_ON_ERROR:


.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

## make run        a registry behind API keys on 127.0.0.1:8080
##                 PORT=8080 BACKEND_PORT=5000 RUN=run (its state)
## make test       install what is missing, build, run every test
## make build      module, tool and unit tests, in build/
##                 NGINX_SRC=dir builds against that nginx source tree
## make install    DESTDIR= PREFIX=/usr MODULES=/usr/lib/nginx/modules
## make clean      remove build/


# building

.PHONY: build
build: $(MODULE) $(TOOL) $(UNIT_BINS)

.PHONY: module tool
module: $(MODULE)
tool: $(TOOL)

# configure has to see a new or a removed file; two makes at once, in two
# terminals, take turns

MODULE_FILES = $(CORE) $(HEADERS) $(wildcard src/nginx/*.c)

$(B)/module-files: FORCE
	@mkdir -p $(@D)
	@echo $(MODULE_FILES) | cmp -s - $@ || echo $(MODULE_FILES) > $@

.PHONY: FORCE
FORCE:

$(B)/nginx/Makefile: config scripts/configure-module $(B)/module-files
	$(call say,CONF,$(@D))
	$(Q)SANITIZE="$(SANITIZE)" NGINX_SRC="$(NGINX_SRC)" OPT="$(OPT)" \
	    flock $(B)/lock scripts/configure-module $(B)/nginx
	@touch $@

# install makes a new file: an nginx may have the old one mapped

$(MODULE): $(B)/nginx/Makefile $(MODULE_FILES)
	$(call say,MAKE,$@)
	$(Q)flock $(B)/lock $(MAKE) $(if $(V),,-s) \
	    -C $$(cat $(B)/nginx/source) -f $(abspath $(B))/nginx/Makefile modules
	$(Q)install $(B)/nginx/$(@F) $@

$(LIBRARY): $(CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(TOOL): $(CLI_OBJS) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $(CLI_OBJS) $(LIBRARY) $(TOOL_LIBS)

$(B)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(COMPILE) -c -o $@ $<

# a test may ask for linker flags of its own: /* LDFLAGS: -Wl,--wrap=malloc */

$(B)/unit/%: t/unit/%.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(COMPILE) -MF $@.d -o $@ $< $(LIBRARY) -lcmocka $(LIBS) \
	    $$(sed -n 's|^/\* LDFLAGS: \(.*\) \*/$$|\1|p' $<)


# testing

.PHONY: test
test:
	scripts/install-packages test
	$(MAKE) -j$(JOBS) build asan-build fuzz-build
	t/run

## make style unit valgrind cli nginx redis e2e docs asan
##                 one part of make test

.PHONY: style unit valgrind cli nginx redis e2e docs asan
style:
	t/run $@
unit valgrind cli nginx redis e2e docs: build
	t/run $@
asan: asan-build
	t/run $@

.PHONY: asan-build
asan-build:
	$(MAKE) B=$(B)/asan SANITIZE=address,undefined OPT="-O1 -g" build

## make palloc     t/*.t in an nginx whose pools hide no overrun; NGINX_SRC=dir

.PHONY: palloc
palloc:
	@test -n "$(NGINX_SRC)" || { echo "make palloc: NGINX_SRC= must name an" \
	    "nginx source tree" >&2; exit 2; }
	$(MAKE) B=$(B)/palloc SANITIZE=address OPT="-O1 -g -DNGX_DEBUG_PALLOC" \
	    module
	$(Q)$(MAKE) -s -C $$(cat $(B)/palloc/nginx/source) \
	    -f $(abspath $(B))/palloc/nginx/Makefile binary
	t/run $@

## make fuzz       every fuzz target; RUNS=10000000, or TIME= in seconds each

RUNS       ?= 10000000
TIME       ?=

FUZZ_FLAGS  = $(STRICT) -O1 -g -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined $(INCLUDES) -MMD -MP
FUZZ_OBJS   = $(CORE:src/%.c=$(B)/fuzz/%.o)

.PHONY: fuzz fuzz-build
fuzz: fuzz-build
	RUNS="$(if $(TIME),,$(RUNS))" TIME="$(TIME)" t/run $@

fuzz-build: $(FUZZ_BINS)

$(B)/fuzz/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/fuzz/%_fuzz: t/fuzz/%_fuzz.c $(FUZZ_OBJS) Makefile
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -MF $@.d -o $@ $< $(FUZZ_OBJS) $(LIBS)

## make bench      requests/s and instructions beside plain proxy_pass

.PHONY: bench
bench:
	scripts/install-packages bench
	$(MAKE) -j$(JOBS) build
	t/bench/run


# running and installing

PORT         ?= 8080
BACKEND_PORT ?= 5000
RUN          ?= run

.PHONY: run
run:
	scripts/install-packages run
	$(MAKE) -j$(JOBS) module tool
	@PORT=$(PORT) BACKEND_PORT=$(BACKEND_PORT) RUN=$(RUN) scripts/demo

.PHONY: install
install: module tool
	install -D -m 644 $(MODULE) $(DESTDIR)$(MODULES)/$(notdir $(MODULE))
	install -D -m 755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/ngx-registry
	install -d $(DESTDIR)$(PREFIX)/share/doc/ngx-registry/conf.example
	install -m 644 conf.example/* \
	    $(DESTDIR)$(PREFIX)/share/doc/ngx-registry/conf.example/
	install -D -m 644 docs/ngx-registry.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/ngx-registry.1
	install -D -m 644 src/cli/ngx-registry.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ngx-registry

.PHONY: clean
clean:
	rm -rf build

-include $(CORE_OBJS:.o=.d) $(CLI_OBJS:.o=.d) $(UNIT_BINS:=.d) \
         $(FUZZ_OBJS:.o=.d) $(FUZZ_BINS:=.d)
