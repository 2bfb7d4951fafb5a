# Images made by hand, so that tests need no registry of anyone else.
#
#     oci_layout DIR ARCHITECTURE...
#
# makes an OCI image layout in DIR (image specification v1.1, "Image Layout").
# Its tag "latest" is a manifest, or an index of one manifest for each
# architecture if there are several.

# Puts standard input into DIR as a blob; prints a descriptor.

oci_blob() {                                    # DIR MEDIA-TYPE
    local file digest

    file=$(mktemp "$1/blob.XXXXXX")
    cat > "$file"
    digest=$(sha256sum "$file" | cut -d ' ' -f 1)
    jq -nc --arg type "$2" --arg digest "sha256:$digest" \
        --argjson size "$(stat -c %s "$file")" \
        '{mediaType: $type, digest: $digest, size: $size}'
    chmod 644 "$file"
    mv "$file" "$1/blobs/sha256/$digest"
}


# An image of one layer, which holds a file with the name of the architecture
# and a number, so that no two images share it; prints its descriptor.

oci_image() {                                   # DIR ARCHITECTURE
    local type=application/vnd.oci.image layer config diff

    mkdir -p "$1/root"
    echo "$2 $RANDOM$RANDOM" > "$1/root/arch"
    head -c 300000 /dev/urandom > "$1/root/data"
    tar -C "$1/root" --owner=0 --group=0 -cf "$1/layer.tar" arch data
    diff=sha256:$(sha256sum "$1/layer.tar" | cut -d ' ' -f 1)
    layer=$(gzip -nc "$1/layer.tar" | oci_blob "$1" $type.layer.v1.tar+gzip)
    config=$(jq -nc --arg arch "$2" --arg diff "$diff" \
        '{architecture: $arch, os: "linux", config: {Cmd: ["/bin/true"]},
          rootfs: {type: "layers", diff_ids: [$diff]}}' |
        oci_blob "$1" $type.config.v1+json)
    rm -r "$1/root" "$1/layer.tar"

    jq -nc --argjson config "$config" --argjson layer "$layer" \
        --arg type $type.manifest.v1+json \
        '{schemaVersion: 2, mediaType: $type, config: $config,
          layers: [$layer]}' |
        oci_blob "$1" $type.manifest.v1+json |
        jq -c --arg arch "$2" '.platform = {architecture: $arch, os: "linux"}'
}


oci_layout() {                                  # DIR ARCHITECTURE...
    local dir=$1 arch manifests=() root
    local type=application/vnd.oci.image.index.v1+json

    shift
    mkdir -p "$dir/blobs/sha256"
    echo '{"imageLayoutVersion":"1.0.0"}' > "$dir/oci-layout"

    for arch; do
        manifests+=("$(oci_image "$dir" "$arch")")
    done

    if [ $# = 1 ]; then
        root=${manifests[0]}
    else
        root=$(printf '%s\n' "${manifests[@]}" |
            jq -sc --arg type "$type" \
                '{schemaVersion: 2, mediaType: $type, manifests: .}' |
            oci_blob "$dir" "$type")
    fi

    jq -nc --argjson root "$root" \
        '{schemaVersion: 2, manifests: [$root + {annotations:
          {"org.opencontainers.image.ref.name": "latest"}}]}' > "$dir/index.json"
}
