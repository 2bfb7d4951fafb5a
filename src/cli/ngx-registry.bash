# Completion of ngx-registry for bash.
#
# The words are those of "ngx-registry --help"; t/cli/words.sh compares them.

_ngx_registry_options() {                       # COMMAND
    local global="--store --pepper-file --format --help --version"

    case $1 in
    "key create")
        echo "--tenant --name --role --scope --expires --not-before" \
             "--allow-from --limit --output --registry $global" ;;
    "key list")
        echo "--tenant $global" ;;
    "key usage")
        echo "--since $global" ;;
    "key rotate")
        echo "--due --overlap --expires --output --registry $global" ;;
    "key revoke")
        echo "--stdin --tenant --created-before --tokens --reason --wait" \
             "--wait-timeout $global" ;;
    "tenant set")
        echo "--label --unlabel --limit --unlimit --bandwidth --downloads" \
            "--suspend --resume" \
             "$global" ;;
    "role set")
        echo "--scope $global" ;;
    "egress report")
        echo "--ledger --month --from --to --payer --by --prices --measured" \
             "--records $global" ;;
    "egress sync" | "egress compact")
        echo "--ledger --keep $global" ;;
    "egress import")
        echo "--ledger --route --network --key $global" ;;
    "budget set")
        echo "--alert $global" ;;
    "budget check")
        echo "--ledger --records --webhook --secret-file --metrics --loop" \
             "$global" ;;
    "events deliver")
        echo "--log --place --webhook --secret-file --stream --as --retries" \
             "--dead-letter --once $global" ;;
    "repository set")
        echo "--owner --label --unlabel $global" ;;
    "issuer set")
        echo "--file $global" ;;
    "apply")
        echo "--file --dry-run --prune $global" ;;
    "store copy")
        echo "--to $global" ;;
    "explain")
        echo "--key-id --token --jwks --anonymous --scope --tenant --repository --catalog" \
             "--api --action --from --address $global" ;;
    "token keygen")
        echo "--alg $global" ;;
    "token rotate")
        echo "--alg --keep $global" ;;
    "token inspect")
        echo "--key $global" ;;
    "audit list")
        echo "--since --until --actor --action --record --limit $global" ;;
    *)
        echo "$global" ;;
    esac
}


_ngx_registry_words() {                         # COMMAND SO FAR
    case $1 in
    "")     echo "key tenant role repository issuer egress budget events apply store explain token audit" ;;
    key)    echo "create list show usage rotate revoke" ;;
    tenant) echo "set list show" ;;
    role)   echo "set list show" ;;
    egress) echo "report sync compact import" ;;
    budget) echo "set list remove check" ;;
    events) echo "deliver" ;;
    repository) echo "set list show remove" ;;
    issuer) echo "set list show remove" ;;
    store)  echo "check export import copy" ;;
    token)  echo "keygen rotate inspect" ;;
    audit)  echo "list" ;;
    esac
}


# Names of tenants, roles or repositories, from the store that the command line
# or the environment names.

_ngx_registry_names() {                         # GROUP [STORE]
    ngx-registry ${2:+--store "$2"} "$1" list 2> /dev/null |
        awk 'NR > 1 { print $1 }'
}


_ngx_registry() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local i word command= store= skip=

    COMPREPLY=()

    # bash has split "file:PATH" in three

    if [ "$cur" = : ]; then
        COMPREPLY=($(compgen -f))
        return
    fi

    if [ "$prev" = : ]; then
        COMPREPLY=($(compgen -f -- "$cur"))
        return
    fi

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}

        if [ -n "$skip" ]; then
            skip=
            continue
        fi

        case $word in
        --store)
            store=${COMP_WORDS[i + 1]}
            [ "${COMP_WORDS[i + 2]:-}" = : ] &&
                store+=:${COMP_WORDS[i + 3]:-} && i=$((i + 2))
            skip=1 ;;
        --pepper-file | --format)
            skip=1 ;;
        -*)
            [ -z "$command" ] || break ;;
        *)
            if [ -n "$(_ngx_registry_words "$command")" ]; then
                command+=${command:+ }$word
            else
                break
            fi ;;
        esac
    done

    case $prev in
    --format)
        word="table json"
        [ "$command" != "egress report" ] || word+=" csv focus html"
        [ "$command" != "egress import" ] || word="cloudfront cloudflare nginx"
        COMPREPLY=($(compgen -W "$word" -- "$cur"))
        return ;;
    --by)
        COMPREPLY=($(compgen -W "tenant repository route network operation \
            day label:" -- "$cur"))
        return ;;
    --as)
        COMPREPLY=($(compgen -W "distribution cloudevents" -- "$cur"))
        return ;;
    --payer)
        COMPREPLY=($(compgen -W "puller owner" -- "$cur"))
        return ;;
    --ledger)
        compopt -o dirnames 2> /dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
        return ;;
    --alg)
        COMPREPLY=($(compgen -W "ES256 RS256 EdDSA" -- "$cur"))
        return ;;
    --output)
        COMPREPLY=($(compgen -W "key docker k8s json" -- "$cur"))
        return ;;
    --action)
        COMPREPLY=($(compgen -W "pull push delete" -- "$cur"))
        return ;;
    --store | --to | --records)
        compopt -o nospace 2> /dev/null
        COMPREPLY=($(compgen -W "file: redis:// rediss:// redis+unix:" \
            -- "$cur"))
        return ;;
    --pepper-file | --file | -f | --token | --jwks | --prices | --key | --secret-file | --metrics | --log | --place | \
    --dead-letter)
        compopt -o filenames 2> /dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
        return ;;
    --tenant | --owner)
        COMPREPLY=($(compgen -W "$(_ngx_registry_names tenant "$store")" \
            -- "$cur"))
        return ;;
    --role)
        COMPREPLY=($(compgen -W "$(_ngx_registry_names role "$store")" \
            -- "$cur"))
        return ;;
    --name | --scope | --expires | --not-before | --allow-from | --registry | \
    --due | --until | --actor | --record | --overlap | --created-before | --reason | --label | --unlabel | \
    --limit | --unlimit | --keep | \
    --key-id | --repository | --wait | --wait-timeout | --api | --from | --address | --since | --month | \
    --alert | --route | --network | --webhook | --loop | --stream | --retries)
        return ;;
    esac

    case $cur in
    -*)
        COMPREPLY=($(compgen -W "$(_ngx_registry_options "$command")" \
            -- "$cur"))
        return ;;
    esac

    case $command in
    "store import" | "egress import" | "token keygen" | "token rotate" | "token inspect")
        compopt -o filenames 2> /dev/null
        COMPREPLY=($(compgen -f -- "$cur")) ;;
    "tenant set" | "tenant show")
        COMPREPLY=($(compgen -W "$(_ngx_registry_names tenant "$store")" \
            -- "$cur")) ;;
    "repository set" | "repository show" | "repository remove")
        COMPREPLY=($(compgen -W "$(_ngx_registry_names repository "$store")" \
            -- "$cur")) ;;
    "issuer set" | "issuer show" | "issuer remove")
        COMPREPLY=($(compgen -W "$(_ngx_registry_names issuer "$store")" \
            -- "$cur")) ;;
    "role set" | "role show")
        COMPREPLY=($(compgen -W "$(_ngx_registry_names role "$store")" \
            -- "$cur")) ;;
    *)
        COMPREPLY=($(compgen -W "$(_ngx_registry_words "$command")" \
            -- "$cur")) ;;
    esac
}


complete -F _ngx_registry ngx-registry
