#!/bin/bash
#
# Links inside the project lead somewhere, to the heading too that they name,
# every document can be reached from README.md, and lines are short enough to
# be read as they are.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

cd "$top"


# The links of a document, without those of other hosts and those in code.

links_of() {                                    # DOCUMENT
    awk '/^```/ { code = !code } !code' "$1" | sed 's/`[^`]*`//g' |
        grep -oE '\]\([^)]*\)|^\[[a-z]+\]: [^ ]+' |
        sed -E 's/^\]\(//; s/\)$//; s/^\[[a-z]+\]: //' | grep -v '^https://'
}


# The names that a reader of the document can jump to.

anchors_of() {                                  # DOCUMENT
    awk '/^```/ { code = !code } !code' "$1" | sed -n 's/^##* //p' |
        tr 'A-Z' 'a-z' | sed -E 's/[^a-z0-9_ -]//g; s/ /-/g'
}


for document in README.md docs/*.md; do
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
done

is "$(links_of README.md | grep -oE '^docs/[a-z-]+\.md' | sort -u)" \
   "$(ls docs/*.md)" "README.md links to every document"

is "$(awk 'length($0) > 100 { print FILENAME ":" FNR }' README.md docs/*.md)" \
   "" "no line is longer than 100 columns"

is "$(grep -nP '[ \t]+$|\t' README.md docs/*.md)" "" \
   "no line ends in a space or holds a tab"

finish
