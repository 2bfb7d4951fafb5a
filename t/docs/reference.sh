#!/bin/bash
#
# The reference has an entry for every directive, variable and reason that the
# source has, with its contexts and default, and for no other.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

cd "$top"


# "<name> <contexts>" for each directive of the command tables.

directives_of_source() {
    perl -0777 -ne '
        while (/\{ ngx_string\("(registry\w*)"\),\s*(NGX_HTTP_\w+[^,]*),/g) {
            my ($name, $flags) = ($1, $2);
            my @contexts = map { $flags =~ /NGX_HTTP_$_->[0]_CONF/
                                 ? $_->[1] : () }
                [MAIN => "http"], [SRV => "server"], [LOC => "location"];
            print "$name ", join(", ", @contexts), "\n";
        }
    ' src/nginx/*/*.c | sort
}


directives_of_docs() {
    awk '
        /^## /           { name = $2 }
        /^    Context: / { sub(/^ *Context: */, ""); print name, $0 }
    ' docs/directives.md | sort
}


is "$(directives_of_docs)" "$(directives_of_source)" \
   "directives.md has the directives of the source and their contexts"

is "$(sed -n 's/^- \[\(.*\)\](#\1)$/\1/p' docs/directives.md)" \
   "$(sed -n 's/^## //p' docs/directives.md)" \
   "directives.md begins with a list of them"

for name in $(sed -n 's/^## //p' docs/directives.md); do
    entry=$(sed -n "/^## $name\$/,/^## /p" docs/directives.md | sed '$d')

    for part in "    Syntax:   $name " "    Default:  " \
        "This directive appeared in version " "Example:" "Errors:"
    do
        # one without parameters ends with its name

        case ${entry/"$name;"/"$name ;"} in
        *$'\n'"$part"*)     ok 0 "$name: has \"$part\"" ;;
        *)                  ok 1 "$name: has \"$part\"" ;;
        esac
    done
done


# A default can be written where it stands.

make_store
defaults=$(awk '/^## / { name = $2 }
                sub(/^    Default: */, "") { print name, $0 }' \
    docs/directives.md)

is "$(cut -d ' ' -f 1 <<< "$defaults")" \
   "$(sed -n 's/^## //p' docs/directives.md)" \
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

is "$(sed -n 's/^## \$\(registry_[a-z_]*\).*/\1/p' docs/variables.md | sort)" \
   "$({ grep -ohE 'ngx_string\("registry_[a-z_]+"' \
            src/nginx/request/ngx_http_registry_variables.c
        grep -ohE '^    ngx_string\("registry_[a-z_]+"\);' src/nginx/*/*.c; } |
        cut -d '"' -f 2 | sort -u)" \
   "variables.md has the variables of the source"

is "$(sed -n 's/^| \[\(\$registry_[^]]*\)\].*/\1/p' docs/variables.md)" \
   "$(sed -n 's/^## //p' docs/variables.md)" \
   "variables.md begins with a list of them"


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


names=$({ directives_of_source | cut -d ' ' -f 1
          metrics_of_source
          grep -ohE '\bregistry_[a-z_]+' src/cli/*/cli_budget*.c
          sed -n 's/^## \$\(registry_[a-z_]*\).*/\1/p' docs/variables.md; } |
    paste -sd '|')
unknown=$(grep -onE '\bregistry_[a-z_]+' "${documents[@]}" conf.example/* |
    grep -vE ":($names)\$" |
    grep -vE ':registry_label_[a-z]+$|:registry_proxy$|_registry_module$')
unknown=$(grep -vE 'words.md:.*:(read|write)_registry$' <<< "$unknown")

is "$unknown" "" "no document names what is not there"

is "$(sed -nE 's/^\| `(registry_[a-z_]+)` .*/\1/p' docs/metrics.md | sort)" \
   "$(metrics_of_source | sort -u)" "metrics.md has the metrics of the source"

finish
