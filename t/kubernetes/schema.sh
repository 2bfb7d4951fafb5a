#!/bin/bash
#
# packaging/kubernetes, and the overlay that docs/kubernetes.md has, are what
# Kubernetes takes: kustomize builds them, and each object is what its schema
# says.

set -uo pipefail
. "$(dirname "$0")/../lib/sandbox.sh"

PATH=$top/${B:-build}/kubernetes/bin:$PATH
base=$top/packaging/kubernetes/base
versions=(1.30 1.34)

for tool in kubernetes-validate kustomize; do
    command -v $tool > /dev/null ||
        skip_all "there is no $tool: scripts/kubernetes-tools installs it"
done


validates() {                                   # VERSION FILE
    kubernetes-validate --strict --quiet -k "$1" "$2"
}


kinds() {                                       # FILE
    sed -n 's/^kind: //p' "$1" | sort | xargs
}


runs "kustomize builds the base" kustomize build "$base" -o "$dir/base.yaml"
is "$(kinds "$dir/base.yaml")" \
   "ConfigMap NetworkPolicy PodDisruptionBudget Service StatefulSet" \
   "of all that is there"

# an overlay, with the base where this one is

mkdir "$dir/overlay"
awk '/^```yaml/ { inside = 1; next } /^```/ { inside = 0 } inside' \
    "$top/docs/kubernetes.md" |
    sed "s|- github.com/.*/packaging/kubernetes/base|- base|" \
    > "$dir/overlay/kustomization.yaml"
cp -r "$base" "$dir/overlay/base"
runs "kustomize builds the overlay of docs/kubernetes.md" \
    kustomize build "$dir/overlay" -o "$dir/overlay.yaml"
is "$(sed -n 's/^[ -]*image: //p' "$dir/overlay.yaml")" \
   "registry.example.com/ops/ngx-registry:0.1.0" "with its image"

for version in "${versions[@]}"; do
    runs "Kubernetes $version takes the base" validates "$version" "$dir/base.yaml"
    runs "and the overlay" validates "$version" "$dir/overlay.yaml"

    # and would say if it did not

    sed 's/readOnlyRootFilesystem/readOnlyRoot/' "$dir/base.yaml" > "$dir/bad.yaml"
    ! validates "$version" "$dir/bad.yaml" > /dev/null 2>&1
    ok $? "and no member that there is not"
done

finish
