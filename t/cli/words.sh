#!/bin/bash
#
# The help, the manual page and the completion know the same commands and
# options.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

page=$top/docs/ngx-registry.1
. "$top/src/cli/ngx-registry.bash"

ngx-registry() { "$tool" "$@"; }


# The commands of a help, without operands.

commands() {                                    # GROUP...
    reg "$@" --help | sed -n '/^Commands:/,/^$/ s/^  \([a-z ]*[a-z]\).*/\1/p' |
        sed 's/   *.*//; s/ $//'
}


option_words() {
    sed -n 's/^  \(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort
}


# The options of a command that are its own, or those of every command.

options() {                                     # COMMAND...
    reg "$@" --help | sed -n '/^Options:/,/^$/ p' | option_words
}

global_options() {
    reg --help | sed -n '/^Options of every command:/,/^$/ p' | option_words
}


# What the page has below ".Ss COMMAND", or in its description.

page_options() {                                # COMMAND
    awk -v title=".Ss $1" '
        /^\.S[sh] / { on = ($0 == title || index($0, title " A") == 1 ||
                            index($0, title " O") == 1) }
        on && /^\.It Fl/ {
            n = split($0, words, " ")
            for (i = 2; i <= n; i++)
                if (words[i] ~ /^-[a-z]/) print "-" words[i]
        }' "$page" | sort
}

page_global_options() {
    sed -n '/^Options of every command/,/^\.El/ p' "$page" |
        sed -n 's/^\.It.* Fl -\([a-z-]*\).*/--\1/p' | sort
}


# What bash offers behind these words.

completed() {                                   # WORD...
    COMP_WORDS=(ngx-registry "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _ngx_registry
    printf '%s\n' "${COMPREPLY[@]}" | sort
}


all=$(commands)
ok $(($(wc -l <<< "$all") < 20)) "there are commands"
is "$(sed -n 's/^\.Ss //p' "$page" | sed 's/ \(Ar\|Op\).*//')" "$all" \
   "the manual page has a section for each"
is "$(page_global_options)" "$(global_options)" \
   "the manual page has the options of every command"

is "$(completed "")" \
   "$(sed 's/ .*//' <<< "$all" | sort -u)" "bash completes the first word"
is "$(completed "--")" "$(global_options)" \
   "and the options of every command"

while read -r command; do
    is "$(page_options "$command")" "$(options $command)" \
       "the manual page has the options of $command"
    is "$(completed $command --)" \
       "$( { options $command; global_options; } | grep . | sort)" \
       "bash has them"
done <<< "$all"

for group in $(sed -n 's/ .*//p' <<< "$all" | sort -u); do
    is "$(completed $group "")" "$(commands $group | sed 's/^[a-z]* //' | sort)" \
       "bash completes $group"
done

reg tenant set acme
reg tenant set beta
reg --store "file:$dir/other" tenant set gamma
is "$(completed key create --tenant "")" "acme
beta" "bash completes tenants"
is "$(completed tenant show a)" acme "wherever they go"
is "$(completed --store file : "$dir/other" key create --tenant "")" gamma \
   "of the store on the command line"
is "$(completed role show image)" "image-puller
image-pusher" "and roles"
is "$(completed key list --format "")" "json
table" "and words"
touch "$dir/teams.json"
is "$(completed apply -f "$dir/teams")" "$dir/teams.json" "and files"
is "$(completed --store file : "$dir/teams")" "$dir/teams.json" \
   "behind file:, too"

if command -v groff > /dev/null; then
    is "$(groff -mandoc -Tutf8 -ww "$page" 2>&1 > /dev/null)" "" \
       "the manual page has no errors"
fi

finish
