#!/bin/bash
#
# Links inside the project lead somewhere, to the heading too that they name,
# every document can be reached from README.md, and lines are short enough to
# be read as they are.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

cd "$top"
pages=(README.md docs/*.md docs/reference/*.md)


# A document without its code, and without what a line has as code.

text_of() {                                     # DOCUMENT
    awk '/^ *```/ { code = !code; next } !code' "$1" | sed 's/`[^`]*`//g'
}


# The links of a document, without those of other hosts; one may be broken where
# a line is.

links_of() {                                    # DOCUMENT
    {
        text_of "$1" | tr '\n' ' ' | grep -oE '\]\([^)]*\)' |
            sed -E 's/^\]\( *//; s/\)$//'
        text_of "$1" | sed -nE 's/^\[[a-z]+\]: ([^ ]+)$/\1/p'
    } | grep -v '^https\?://'
}


# The names by which links go to what "[name]: target" says, and those that are
# so defined.

names_used() {                                  # DOCUMENT
    text_of "$1" | tr '\n' ' ' | grep -oE '\]\[[a-z]+\]' | tr -d '][' | sort -u
}


names_defined() {                               # DOCUMENT
    text_of "$1" | sed -nE 's/^\[([a-z]+)\]: .*/\1/p' | sort
}


# The names that a reader of the document can jump to.

anchors_of() {                                  # DOCUMENT
    awk '/^ *```/ { code = !code } !code' "$1" | sed -n 's/^##* //p' |
        tr 'A-Z' 'a-z' | sed -E 's/[^a-z0-9_ -]//g; s/ /-/g'
}


for document in "${pages[@]}"; do
    count=0

    while read -r link; do
        count=$((count + 1))
        file=${link%%#*}
        target=$document
        [ -z "$file" ] || target=$(dirname "$document")/$file

        if [ ! -e "$target" ]; then
            ok 1 "$document: $link is there"
            continue
        fi

        [[ $link == *#* ]] || continue

        anchors_of "$target" | grep -qxF -e "${link#*#}" ||
            ok 1 "$document: $link is a heading"
    done < <(links_of "$document")

    ok $((count == 0)) "$document: has links that lead somewhere: $count"

    is "$(names_used "$document")" "$(names_defined "$document")" \
       "$document: links by name have a target, each one"

    is "$(anchors_of "$document" | sort | uniq -d)" "" \
       "$document: no two headings are one"
done

is "$(links_of README.md | grep -oE '^docs/[a-z-]+\.md' | sort -u)" \
   "$(ls docs/*.md)" "README.md links to every document"

is "$(links_of README.md | grep -oE '^conf\.example/[a-z-]+\.conf' | sort -u)" \
   "$(ls conf.example/*.conf | grep -vE '/(registry|registry_proxy)\.conf$')" \
   "README.md links to every example"

is "$(awk 'length($0) > 100 { print FILENAME ":" FNR }' "${pages[@]}")" \
   "" "no line is longer than 100 columns"

is "$(grep -nP '[ \t]+$|\t' "${pages[@]}")" "" \
   "no line ends in a space or holds a tab"

is "$(for page in "${pages[@]}"; do [ -z "$(tail -c 1 "$page")" ] ||
        echo "$page"; done)" "" "each ends with a newline"

finish
