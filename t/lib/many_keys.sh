# API keys in numbers, made without the tool: those of a name are always the
# same (Registry::TestKeys).
#
#     declare -A key_of             the key of each name
#     make_keys NAME COUNT          NAME1 and so on; nothing is stored
#     put_keys NAME COUNT           and these are, in Redis, with their tenant
#
# An id is filled up with zeroes, so the number is followed by an x: else 1 and
# 10 were the same.

declare -A key_of


make_keys() {                                   # NAME COUNT
    local name key

    while read -r name key; do
        key_of[$name]=$key
    done < <(perl -I"$top/t/lib" -MRegistry::TestKeys -e '
        print "$_ ", key("${_}x"), "\n"
            for map { $ARGV[0] . $_ } 1 .. $ARGV[1];
    ' "$1" "$2")
}


put_keys() {                                    # NAME COUNT
    make_keys "$1" "$2"

    perl -I"$top/t/lib" -MRegistry::TestKeys -MJSON::PP=encode_json -e '
        printf "SET registry:tenant:acme \x27%s\x27\n",
            encode_json(tenant("acme"));
        printf "SET registry:key:%s \x27%s\x27\n", key_id($_), encode_json(
            key_record($_, roles => ["image-puller"])
        ) for map { $ARGV[0] . $_ . "x" } 1 .. $ARGV[1];
    ' "$1" "$2" | redis > /dev/null
}
