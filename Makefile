# Run "make help" for the list of targets.

SHELL       = /bin/bash
.SHELLFLAGS = -euc
MAKEFLAGS  += --no-print-directory

.DELETE_ON_ERROR:
.SECONDARY:

B          ?= build
JOBS       ?= $(shell nproc)
CC         ?= gcc
OPT        ?= -O2 -g
SANITIZE   ?=
NGINX_SRC  ?=
LDFLAGS    ?=

# V=1 shows whole commands

Q           = $(if $(V),,@)
say         = @echo "  $(1)	$(2)"

export B JOBS V


.PHONY: help
help:
	@sed -n 's/^## \?//p' Makefile

## make run        a registry behind API keys on 127.0.0.1:8080
##                 PORT=8080 BACKEND_PORT=5000 RUN=run (its state)
##                 STORE=redis: keys in a Redis of its own, REDIS_PORT=6380
## make test       install what is missing, build, run every test
## make build      module, tool and unit tests, in build/
##                 NGINX_SRC=dir builds against that nginx source tree
## make install    DESTDIR= PREFIX=/usr MODULES=/usr/lib/nginx/modules
## make clean      remove build/
##


# what there is; the core is in the module and in the tool, what is in TOOL_DIRS
# is like it, but the module has no use for it

CORE_DIRS   = core oci access limit ledger offload store upstream
TOOL_DIRS   = report
CORE        = $(wildcard $(CORE_DIRS:%=src/%/*.c))
TOOL_CORE   = $(wildcard $(TOOL_DIRS:%=src/%/*.c))
CLI         = $(wildcard src/cli/*/*.c)
GLUE        = $(wildcard src/nginx/*/*.c)
HEADERS     = $(wildcard src/*/*.h src/nginx/*/*.h)
UNIT        = $(wildcard t/unit/*_test.c)
FUZZ        = $(wildcard t/fuzz/*_fuzz.c)

CORE_OBJS   = $(CORE:src/%.c=$(B)/%.o) $(TOOL_CORE:src/%.c=$(B)/%.o)
CLI_OBJS    = $(CLI:src/%.c=$(B)/%.o)
CLI_DIRS    = $(sort $(dir $(CLI)))
FUZZ_OBJS   = $(CORE:src/%.c=$(B)/fuzz/%.o) $(TOOL_CORE:src/%.c=$(B)/fuzz/%.o)
UNIT_BINS   = $(UNIT:t/unit/%.c=$(B)/unit/%)
FUZZ_BINS   = $(FUZZ:t/fuzz/%.c=$(B)/fuzz/%)

MODULE      = $(B)/ngx_http_registry_module.so
LIBRARY     = $(B)/libregistry.a
TOOL        = $(B)/ngx-registry

# the core and the tool: stricter than nginx's own flags, less what gcc says of
# conversions only where it has added the checks of a sanitizer

INCLUDES    = $(CORE_DIRS:%=-Isrc/%) $(TOOL_DIRS:%=-Isrc/%)
STRICT      = -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Wconversion -Wshadow \
              -Werror
HARDEN      = -fstack-protector-strong -D_FORTIFY_SOURCE=2
SANFLAGS    = -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined \
              -fno-omit-frame-pointer -Wno-conversion -Wno-sign-conversion
FLAGS       = $(STRICT) $(OPT) $(if $(SANITIZE),$(SANFLAGS),$(HARDEN)) \
              $(INCLUDES) -MMD -MP
LIBS        = -ljansson -lhiredis -lpcre2-8 -lcrypto

FUZZ_FLAGS  = $(STRICT) -O1 -g -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined $(INCLUDES) -MMD -MP


# the module: configure has to see a new or a removed file; two makes at once,
# in two terminals, take turns

.PHONY: build module tool
build: module tool $(UNIT_BINS)
module: $(MODULE)
tool: $(TOOL)

.PHONY: FORCE
$(B)/module-files: FORCE
	@mkdir -p $(@D)
	@echo $(CORE) $(GLUE) $(HEADERS) | cmp -s - $@ || \
	    echo $(CORE) $(GLUE) $(HEADERS) > $@

$(B)/nginx/Makefile: config scripts/configure-module $(B)/module-files
	$(call say,CONF,$(@D))
	$(Q)SANITIZE="$(SANITIZE)" NGINX_SRC="$(NGINX_SRC)" OPT="$(OPT)" \
	    flock $(B)/lock scripts/configure-module $(B)/nginx
	@touch $@

# install makes a new file: an nginx may have the old one mapped

$(MODULE): $(B)/nginx/Makefile $(CORE) $(GLUE) $(HEADERS)
	$(call say,MAKE,$@)
	$(Q)flock $(B)/lock $(MAKE) $(if $(V),,-s) \
	    -C $$(cat $(B)/nginx/source) -f $(abspath $(B))/nginx/Makefile modules
	$(Q)install $(B)/nginx/$(@F) $@


# the core and the tool

$(B)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(FLAGS) -c -o $@ $<

$(LIBRARY): $(CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(CLI_OBJS): INCLUDES += $(CLI_DIRS:%=-I%)

$(TOOL): $(CLI_OBJS) $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lssl -lcurl -lz


# unit tests, each a program; one may ask for linker flags of its own:
# /* LDFLAGS: -Wl,--wrap=malloc */

$(B)/unit/%: t/unit/%.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(FLAGS) -Wno-deprecated-declarations -MF $@.d -o $@ $< \
	    $(LIBRARY) -lcmocka $(LIBS) \
	    $$(sed -n 's|^/\* LDFLAGS: \(.*\) \*/$$|\1|p' $<)


# fuzz targets, with the core as clang instruments it

$(B)/fuzz/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/fuzz/%_fuzz: t/fuzz/%_fuzz.c $(FUZZ_OBJS) Makefile
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -MF $@.d -o $@ $< $(FUZZ_OBJS) $(LIBS)


# testing

.PHONY: test
test:
	scripts/install-packages test
	$(MAKE) -j$(JOBS) build asan-build fuzz-build
	t/run

## make style unit valgrind cli nginx redis ledger e2e docs packages long asan
##                 one part of make test

.PHONY: style unit valgrind cli nginx redis ledger e2e docs packages long asan
unit valgrind cli nginx redis ledger e2e docs packages long: build
asan: asan-build
style unit valgrind cli nginx redis ledger e2e docs packages long asan:
	t/run $@

## make conservation
##                 SECONDS_OF_LOAD=600 of clients that count their own bytes,
##                 with faults at random; SEED= to have the same again

SECONDS_OF_LOAD ?= 600

.PHONY: conservation
conservation: build
	SECONDS_OF_LOAD=$(SECONDS_OF_LOAD) t/run $@

.PHONY: asan-build
asan-build:
	$(MAKE) B=$(B)/asan SANITIZE=address,undefined OPT="-O1 -g" build

# long runs: what each has shown is kept in docs/long-runs/ and shown by its page

LONG_RUNS   = $(CURDIR)/docs/long-runs

## make soak       the gateway with all that it can do, for MINUTES=120
## make kills      RELOADS=1000 under load, then KILLS=1000 of workers
## make aborts     ABORTS=100000 requests that their clients leave
## make mutate     src/access and src/oci changed in each place, or FILES=; do
##                 the unit tests notice?  SAMPLE=0 of the changes, 0: all
## make fuzz       every fuzz target; RUNS=10000000, or TIME= in seconds each

RUNS       ?= 10000000
TIME       ?=
FILES      ?=
SAMPLE     ?= 0

.PHONY: soak kills aborts mutate fuzz fuzz-build
soak kills aborts mutate: build
soak kills aborts:
	RECORD=$(LONG_RUNS)/runs.tsv \
	    CSV=$(LONG_RUNS)/soak.csv SVG=$(LONG_RUNS)/soak.svg t/run $@
	t/long/page

mutate:
	RECORD=$(LONG_RUNS)/mutate.tsv SAMPLE=$(SAMPLE) t/long/mutate $(FILES)
	t/long/page

fuzz: fuzz-build
	RECORD=$(LONG_RUNS)/fuzz.tsv RUNS="$(if $(TIME),,$(RUNS))" \
	    TIME="$(TIME)" t/run $@
	t/long/page

fuzz-build: $(FUZZ_BINS)

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

## make test-nginx t/*.t by the real Test::Nginx; TEST_NGINX=dir, a checkout of
##                 github.com/openresty/test-nginx

.PHONY: test-nginx
test-nginx: build
	scripts/install-packages test-nginx
	TEST_NGINX="$(abspath $(TEST_NGINX))" t/run $@

## make pull-through
##                 2,000 pulls of 50 images, and one blob of 1 GiB for a hundred
##                 at once, through a gateway from a registry with tokens

.PHONY: pull-through
pull-through:
	scripts/install-packages test
	$(MAKE) -j$(JOBS) build
	PULLS=2000 IMAGES=50 BLOB_SIZE=1073741824 t/e2e/pull_through.sh

## make bench      requests/s and instructions beside plain proxy_pass, and beside
##                 ARCHEIO=file and DOCKER_AUTH=file, those programs

.PHONY: bench
bench:
	scripts/install-packages bench
	$(MAKE) -j$(JOBS) build
	t/bench/run
	t/bench/redirect
	t/bench/docker_auth
	t/bench/limits
	t/bench/limits_fleet


# running and installing

PORT         ?= 8080
BACKEND_PORT ?= 5000
STORE        ?= file
REDIS_PORT   ?= 6380
RUN          ?= run

.PHONY: run
run:
	scripts/install-packages run $(filter redis,$(STORE))
	$(MAKE) -j$(JOBS) module tool
	@PORT=$(PORT) BACKEND_PORT=$(BACKEND_PORT) STORE=$(STORE) \
	    REDIS_PORT=$(REDIS_PORT) RUN=$(RUN) scripts/demo

DESTDIR      ?=
PREFIX       ?= /usr
MODULES      ?= /usr/lib/nginx/modules

SHARE         = $(DESTDIR)$(PREFIX)/share
DOC           = $(SHARE)/doc/ngx-registry

.PHONY: install install-module install-tool
install: install-module install-tool

install-module: module
	install -D -m 644 $(MODULE) $(DESTDIR)$(MODULES)/$(notdir $(MODULE))

install-tool: tool
	install -D -m 755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/ngx-registry
	install -D -m 644 docs/ngx-registry.1 $(SHARE)/man/man1/ngx-registry.1
	install -D -m 644 src/cli/ngx-registry.bash \
	    $(SHARE)/bash-completion/completions/ngx-registry
	install -D -m 644 -t $(DOC) docs/redis.acl
	install -D -m 644 -t $(DOC)/conf.example conf.example/*


# packages

## make deb        Debian packages, in build/deb/
## make package-test
##                 the packages in a Debian of their own: installed, upgraded,
##                 removed; and how long "make run" takes whoever has
##                 nothing yet; needs root and debootstrap

## make image-test the image of docker/, built, and docker-compose.yml, brought up
##                 on an engine of its own; needs root and debootstrap.
##                 NGINX_SRC=dir: also one on a base as that which nginx publishes

.PHONY: deb package-test image-test
deb:
	scripts/install-packages deb
	scripts/build-deb $(B)/deb

package-test:
	scripts/install-packages test chroot
	$(MAKE) -j$(JOBS) build
	t/run chroot

image-test:
	scripts/install-packages test chroot
	$(MAKE) -j$(JOBS) NGINX_SRC= build
	NGINX_SRC="$(NGINX_SRC)" t/run image


# proof against others: each writes the table that is in docs/

## make ecosystem  the conformance suite of OCI, and other clients, which it
##                 builds with go; its tables are in build/ecosystem/.
##                 ZOT_SRC=dir: in front of zot, too
## make generations
##                 build and tests on old and new releases of Debian, each in a
##                 chroot; RELEASES="bookworm trixie sid"; needs root

RELEASES   ?=

## make kubernetes packaging/kubernetes by the schema of Kubernetes and kustomize,
##                 which it fetches

.PHONY: ecosystem generations kubernetes
ecosystem:
	scripts/install-packages test
	$(MAKE) -j$(JOBS) build
	scripts/ecosystem-tools $(B)/ecosystem/bin
	t/run $@

kubernetes:
	scripts/kubernetes-tools $(B)/kubernetes
	t/run $@

generations:
	scripts/install-packages chroot
	scripts/generations $(B)/generations $(RELEASES)

.PHONY: clean
clean:
	rm -rf $(B)


-include $(CORE_OBJS:.o=.d) $(CLI_OBJS:.o=.d) $(UNIT_BINS:=.d) \
         $(FUZZ_OBJS:.o=.d) $(FUZZ_BINS:=.d)
