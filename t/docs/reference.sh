#!/bin/bash
#
# The reference has an entry for every directive, variable and reason that the
# source has, with its contexts and default, and for no other.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

cd "$top"


# "<module>: <name> <contexts>" for each directive of the command tables.

directives_of_source() {
    perl -0777 -ne '
        my ($module) = /^ngx_module_t +(\w+) = /m or next;
        while (/\{ ngx_string\("(registry\w*)"\),\s*(NGX_HTTP_\w+[^,]*),/g) {
            my ($name, $flags) = ($1, $2);
            my @contexts = map { $flags =~ /NGX_HTTP_$_->[0]_CONF/
                                 ? $_->[1] : () }
                [MAIN => "http"], [SRV => "server"], [LOC => "location"];
            print "$module: $name ", join(", ", @contexts), "\n";
        }
    ' src/nginx/*/*.c | sort
}


directives_of_docs() {
    awk '
        /^# Module /     { module = $3 }
        /^### /          { name = $2 }
        /^    Context: / {
            sub(/^ *Context: */, "")
            print module ": " name, $0
        }
    ' "${reference[@]}" | sort
}


# The headings of a page below one of its sections.

entries_of() {                                  # PAGE SECTION
    awk -v section="## $2" '
        /^```/              { code = !code }
        code                { next }
        /^## /              { here = $0 == section }
        here && /^### /     { print $2 }
    ' "$1"
}


is "$(directives_of_docs)" "$(directives_of_source)" \
   "the pages have the directives of their modules, and the contexts"

for page in "${reference[@]}"; do
    [[ $page != */index.md ]] || continue

    name=$(name_of "$page")
    directives=$(entries_of "$page" Directives)
    shown=$(cat "$blocks/$name"-*.nginx)

    is "$(sed -nE 's/^ *- \[.*\]\(#([a-z_-]+)\)$/\1/p' "$page")" "$(
        awk '/^```/ { code = !code }
             !code && /^## / { here = $2 == "Directives"
                               sub(/^## /, ""); gsub(/ /, "-")
                               print tolower($0) }
             here && !code && /^### / { print $2 }' "$page")" \
       "$name: begins with its contents"

    is "$(sort <<< "$directives")" "$directives" "$name: they are in order"

    for directive in $directives; do
        entry=$(sed -n "/^### $directive\$/,/^##* /p" "$page" | sed '$d')

        for part in "    Syntax:   $directive " "    Default:  " "Errors:"; do
            # one without parameters ends with its name

            case ${entry/"$directive;"/"$directive ;"} in
            *$'\n'"$part"*)     ok 0 "$directive: has \"$part\"" ;;
            *)                  ok 1 "$directive: has \"$part\"" ;;
            esac
        done

        grep -qE "(^|[ {])$directive[ ;]" <<< "$shown"
        ok $? "$directive: an example of its page has it"
    done
done


# A default can be written where it stands.

make_store
defaults=$(awk '/^### / { name = $2 }
                sub(/^    Default: */, "") { print name, $0 }' \
    "${reference[@]}")

is "$(cut -d ' ' -f 1 <<< "$defaults" | sort)" \
   "$(directives_of_source | cut -d ' ' -f 2 | sort)" \
   "each directive has a default, or none, marked so"

while read -r name default; do
    [ "$default" != — ] || continue

    if [[ $name == registry_token_* ]] ||
        http_directives | grep -qx "$name"
    then
        echo "$default"
    elif [ "$name" = registry ]; then
        echo "location / { $default }"
    else
        echo "location / { registry on; $default }"
    fi > "$dir/block"

    whole_conf "$dir/block" | localise > "$dir/etc/nginx.conf"
    is "$(nginx_test "$dir/etc/nginx.conf")" "$(nginx_is_content)" \
       "$name: its default can be written"
done <<< "$defaults"


# Variables: those of the table, and those with handlers of their own.

variables_of_docs() {
    for page in "${reference[@]}"; do
        entries_of "$page" "Embedded Variables"
    done | sort
}


is "$(variables_of_docs | sed 's/^\$\(registry_[a-z_]*\).*/\1/')" \
   "$({ grep -ohE 'ngx_string\("registry_[a-z_]+"' \
            src/nginx/request/ngx_http_registry_variables.c
        grep -ohE '^    ngx_string\("registry_[a-z_]+"\);' src/nginx/*/*.c; } |
        cut -d '"' -f 2 | sort -u)" \
   "the pages have the variables of the source"


# The index has all of them; t/docs/links.sh follows its links.

index=docs/reference/index.md

is "$(sed -nE 's/^- \[(.*)\]\([a-z]+\.md#\1\)$/\1/p' $index)" \
   "$(directives_of_source | cut -d ' ' -f 2 | LC_ALL=C sort)" \
   "index.md lists the directives"

is "$(sed -nE 's/^\| \[(\$registry_[^]]*)\].*/\1/p' $index)" \
   "$(variables_of_docs | LC_ALL=C sort)" "index.md lists the variables"

is "$(sed -nE 's/^\| \[(ngx_[a-z_]+)\]\([a-z]+\.md\).*/\1/p' $index | sort)" \
   "$(sed -n 's/^# Module //p' "${reference[@]}" | sort)" \
   "index.md lists the modules"


# Operations and reasons.

is "$(sed -n '/^| operation/,$s/^| `\([a-z]*\)`.*/\1/p' docs/reasons.md |
        sort)" \
   "$(sed -nE 's/^ *\[REG_OP_[A-Z]+\] += "([a-z]+)".*/\1/p' \
        src/oci/reg_route.c | grep -vx api | sort)" \
   "reasons.md has the operations of the source"

# never seen by anybody: no decision was made, or the store is no file

is "$(sed -nE 's/^\| `([a-z_]+)` \| *[0-9]* \|.*/\1/p' docs/reasons.md |
        sort)" \
   "$(perl -0777 -ne 'print "$1\n" while /\[REG_REASON_\w+\] =\s+\{ "(\w+)"/g' \
        src/access/reg_decision.c |
        grep -vxE 'none|store_unavailable' | sort)" \
   "reasons.md has the reasons of the source"


# No document speaks of a directive, a variable or a metric that is not there.

metrics_of_source() {
    perl -0777 -ne '
        while (/"([a-z_]+)",\s*"(counter|gauge|histogram)"/g) {
            print "registry_$1", $2 eq "counter" ? "_total" : "", "\n";
        }' src/nginx/status/ngx_http_registry_metrics*.c
    sed -nE 's/^    \{ "([a-z_]+)", "[^,]*,?.*/registry_\1_total/p' \
        src/nginx/status/ngx_http_registry_metrics_count.c
}


names=$({ directives_of_source | cut -d ' ' -f 2
          metrics_of_source
          grep -ohE '\bregistry_[a-z_]+' src/cli/*/cli_budget*.c
          variables_of_docs | sed 's/^\$\(registry_[a-z_]*\).*/\1/'; } |
    paste -sd '|')
unknown=$(grep -onE '\bregistry_[a-z_]+' "${documents[@]}" conf.example/* |
    grep -vE ":($names)\$" |
    grep -vE ':registry_label_[a-z]+$|:registry_proxy$|_registry_module$')
unknown=$(grep -vE 'words.md:.*:(read|write)_registry$' <<< "$unknown")

is "$unknown" "" "no document names what is not there"

is "$(sed -nE 's/^\| `(registry_[a-z_]+)` .*/\1/p' docs/metrics.md | sort)" \
   "$(metrics_of_source | sort -u)" "metrics.md has the metrics of the source"

finish
