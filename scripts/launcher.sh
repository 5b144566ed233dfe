#!/bin/sh
# What runs where oauth-cli is on PATH: a cached token is printed at once, all else is for Python.
#
# A zip file lies behind these lines, and Python runs the whole as it is. The rules are those of cached_token() in
# core/oauth_cli_login/cached.py, their home; brackets name the function. They are repeated for a session about which
# nothing is doubtful: whatever is unusual, or takes long to look at, is left to Python, which gets the environment, the
# open files and the signals that were given to us. tests/scripts/test_launcher.py holds the two together.
#
# POSIX sh, `local`, and `test` with -O and -ot: dash, busybox, bash from macOS's 3.2 on. The build leaves out the lines
# of comments.

answer() { # the command line; returns where Python must decide
    local LC_ALL state config profile file default default_length version oauth_cli_line source offset
    local expires_at issued_at length now rest letter seen prefix
    LC_ALL=C # what a range holds, and what a character is, depends on it
    # where things are [folder]
    if [ -n "${OAUTH_CLI_HOME-}" ]; then
        state=$OAUTH_CLI_HOME
        config=$OAUTH_CLI_HOME
        case $state/ in */../*) return ;; esac # Python takes it out by name, the system follows it
    else
        case ${XDG_STATE_HOME-} in
            /*) state=$XDG_STATE_HOME/oauth-cli ;;
            *) state=${HOME:-.}/.local/state/oauth-cli ;;
        esac
        case ${XDG_CONFIG_HOME-} in
            /*) config=$XDG_CONFIG_HOME/oauth-cli ;;
            *) config=${HOME:-.}/.config/oauth-cli ;;
        esac
    fi
    case $state in /*) ;; *) return ;; esac
    case $config in /*) config=$config/config.toml ;; *) return ;; esac

    # which profile [_named_profile, default_profile, is_profile_name]
    default=
    case $#,${2-} in
        1,)
            profile=${OAUTH_CLI_PROFILE-}
            if [ -z "$profile" ]; then
                default=$state/default
                is_ours "$default" || return
                default_length=1
                IFS= read -r profile <"$default" || default_length=0
                default_length=$((${#profile} + default_length))
            fi
            ;;
        2,--profile=*) profile=${2#*=} ;;
        3,--profile) profile=$3 ;;
        *) return ;;
    esac
    case $profile in '' | [._-]* | *. | *[!a-z0-9._-]*) return ;; esac
    case ${profile%%.*} in con | prn | aux | nul | com[0-9] | lpt[0-9]) return ;; esac
    [ ${#profile} -le 64 ] || return

    # what its session holds [split]
    file=$state/sessions/$profile
    is_ours "$file" && read_session 3<"$file" && [ "$version" = 1 ] || return
    [ "$source" = pos: ] || offset=$(head -n 2 "$file" | wc -c) || return
    are_numbers "$expires_at" "$issued_at" "$length" || return
    [ "$length" -eq ${#oauth_cli_line} ] || return
    [ "$length" -lt 4096 ] || return # so much a pipe takes as a whole or not at all
    case $oauth_cli_line in '' | *[!A-Za-z0-9._~+/=-]*) return ;; esac # RFC 6750 section 2.1

    # whether a setting may have changed since in the file [_settings_may_differ]
    if [ -e "$config" ]; then
        [ "$config" -ot "$file" ] || return
    else
        [ ${#config} -lt 256 ] || return
        while [ ! -e "$config" ]; do # it is absent where nothing stands in the way of a look
            [ ! -h "$config" ] || return
            config=${config%/*}
            config=${config:-/}
        done
        [ -d "$config" ] && [ -x "$config" ] || return
    fi

    seen=$(look_around "$file" ${default:+"$default"} 2>/dev/null) || return
    set -f
    # shellcheck disable=SC2086 # word by word is what is wanted
    set -- $seen
    set +f
    rest=6
    [ -z "$default" ] || rest=9
    [ $# -gt $rest ] || return
    shift $(($# - rest)) # the environment's words
    are_numbers "$@" || return
    # whether there was more than what was read, such as a NUL, which a shell drops without a word
    [ "$offset" -eq $((2 + ${#expires_at} + 1 + ${#issued_at} + 1 + ${#length} + 1 + ${#oauth_cli_line} + 1)) ] || return
    [ -z "$default" ] || [ "$7" -eq "$default_length" ] || return
    # whether others can read it, and whether it is fresh [read_file, cached_token, is_fresh]
    case $5 in *00) ;; *) return ;; esac
    now=$3
    [ "$4" -le 1048576 ] && [ "$issued_at" -gt 0 ] && [ "$issued_at" -le "$now" ] || return
    [ "$expires_at" -eq 0 ] || [ "$expires_at" -gt $((now + 60)) ] || return

    # whether a variable sets something [environment_prefix, _settings_may_differ]; in a value, it is a doubt as well
    prefix=OAUTH_CLI_
    while [ -n "$profile" ]; do
        rest=${profile#?}
        letter=${profile%"$rest"}
        profile=__._-_00112233445566778899aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ # each, then its capital
        profile=${profile#*"$letter"}
        prefix=$prefix${profile%"${profile#?}"}
        profile=$rest
    done
    prefix=${prefix}_
    while :; do
        case $seen in *"$prefix"*) seen=${seen#*"$prefix"} ;; *) break ;; esac
        case $seen in CLIENT_SECRET*) ;; *) return ;; esac
    done

    trap '' PIPE
    printf '%s\n' "$oauth_cli_line" 2>/dev/null && exit 0
    trap - PIPE
    [ -f /dev/fd/1 ] || return
    echo 'error: the answer could not be written' >&2 # half of it perhaps: nobody may print a token behind that
    exit 9
}

is_ours() { # a file [read_file]
    [ -f "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] && [ -r "$1" ]
}

# Read what answer() declares from descriptor 3, and how far that has come, where the system tells. The token goes into
# oauth_cli_line because nobody exports a variable of that name: an exported one stays so, and children would have it.
read_session() {
    IFS=' ' read -r version expires_at issued_at length <&3 && IFS= read -r oauth_cli_line <&3 || return
    source=
    read -r source offset 2>/dev/null </proc/self/fdinfo/3 || source=
}

are_numbers() { # such as no shell calculates wrongly
    for rest; do
        case $rest in '' | *[!0-9]* | ????????????*) return 1 ;; esac
    done
}

# Print the environment, then SIZE MODE CHANGED, of something that changes now and of each file.
look_around() {
    export -p
    # One process is quicker than two, and the pipe that it prints to was made just now.
    [ "$source" != pos: ] || LC_ALL=C exec stat -L -c '%s %a %Y' /proc/self/fd/1 "$@"
    echo "0 0 $(date +%s)"
    set -f
    for file; do
        # shellcheck disable=SC2046 # word by word is what is wanted
        set -- $(LC_ALL=C BLOCK_SIZE=1 LS_BLOCK_SIZE=1 ls -ldnq "$file")
        case $1 in -???------*) echo "$5 600 0" ;; -*) echo "$5 644 0" ;; *) return 1 ;; esac
    done
}

run() { # interpreter, this file, command line; returns where PATH has no such interpreter
    if command -v "$1" >/dev/null; then exec "$@"; fi
}

# A shell that traces, or exports whatever is set, would tell the token, and one with -e or -f does not do what is
# written here: that is left to Python as well.
case $-,${1-} in *[aefvx]*,*) ;; *,token) answer "$@" ;; esac
run python3 "$0" "$@"
run python "$0" "$@" # of any version: an old one goes on with a newer one from PATH
echo "${0##*/} needs Python 3.10 or newer: PATH has neither python3 nor python. Install it first." >&2
exit 3
