# API keys as tests see them: ngr_<id>_<secret><check>.

key_id() {                                      # KEY
    echo "${1:4:12}"
}


key_secret() {                                  # KEY
    echo "${1:17}"
}


# The key with another last character, which may already be any.

mistyped() {                                    # KEY
    echo "${1%?}$([ "${1: -1}" = x ] && echo y || echo x)"
}
