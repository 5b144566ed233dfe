#!/bin/sh
# What runs where oauth-cli is on PATH: a cached token is printed at once, all else is for Python.
#
# A zip file lies behind these lines, and Python runs the whole as it is. The rules are those of cached_token() in
# core/oauth_cli_login/cached.py, their home; brackets name the function. They are repeated for a session about which
# nothing is doubtful: whatever is unusual, or takes long to look at, is left to Python, and Python is left the
# environment, the open files and the signals that were given to us. tests/scripts/test_launcher.py compares the two.
#
# POSIX sh and `local`: dash, busybox, bash from macOS's 3.2 on.

answer() { # the command line; returns where Python must decide
    local state config profile first second lines source offset file

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
    case $#,${2-} in
        1,)
            profile=${OAUTH_CLI_PROFILE-}
            if [ -z "$profile" ]; then
                is_ours "$state/default" && read_lines "$state/default" && [ "$lines" -lt 2 ] && [ -z "$second" ] || return
                profile=$first
            fi
            ;;
        2,--profile=*) profile=${2#*=} ;;
        3,--profile) profile=$3 ;;
        *) return ;;
    esac
    case $profile in # listed, because what a range holds depends on the locale
        '' | [._-]* | *. | *[!abcdefghijklmnopqrstuvwxyz0123456789._-]*) return ;;
    esac
    case ${profile%%.*} in con | prn | aux | nul | com[0-9] | lpt[0-9]) return ;; esac
    [ ${#profile} -le 64 ] || return

    file=$state/sessions/$profile
    is_ours "$file" || return
    # Side by side, because to start stat takes half of the time. It goes by the clock of the pipe between the two.
    look_at "$file" 2>/dev/null | (hand_out)
    case $? in
        0) exit 0 ;;
        9) exit 9 ;;
    esac
}

# Print the token and exit with 0, or 9 where it was printed in part; else 1. Reads what look_at prints. In a subshell.
hand_out() {
    LC_ALL=C

    # what is stored [split]
    read_lines "$file" && [ "$lines" -eq 2 ] || exit 1
    case $first in '1 '*' '*' '*) first=${first#1 } ;; *) exit 1 ;; esac
    expires_at=${first%% *}
    first=${first#* }
    issued_at=${first%% *}
    length=${first#* }
    for number in "$expires_at" "$issued_at" "$length"; do
        case $number in '' | *[!0-9]* | ????????????*) exit 1 ;; esac
    done
    [ "$length" -eq ${#second} ] && [ "$length" -lt 4096 ] || exit 1 # so much a pipe takes as a whole or not at all
    case $second in '' | *[!A-Za-z0-9._~+/=-]*) exit 1 ;; esac       # RFC 6750 section 2.1

    # whether a setting may have changed since: by the file [_settings_may_differ]
    if [ -e "$config" ]; then
        [ "$config" -ot "$file" ] || exit 1
    else
        [ ${#config} -lt 256 ] || exit 1
        while [ ! -e "$config" ]; do # it is absent where nothing stands in the way of a look
            [ ! -h "$config" ] || exit 1
            config=${config%/*}
            config=${config:-/}
        done
        [ -d "$config" ] && [ -x "$config" ] || exit 1
    fi

    # by a variable [environment_prefix]; found in a value, it is a doubt as well
    variables=$(export -p)
    prefix=OAUTH_CLI_
    while [ -n "$profile" ]; do
        rest=${profile#?}
        letter=${profile%"$rest"}
        letters=__._-_00112233445566778899aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ # each, then its capital
        letters=${letters#*"$letter"}
        prefix=$prefix${letters%"${letters#?}"}
        profile=$rest
    done
    prefix=${prefix}_
    while :; do
        case $variables in *"$prefix"*) variables=${variables#*"$prefix"} ;; *) break ;; esac
        case $variables in CLIENT_SECRET*) ;; *) exit 1 ;; esac
    done

    # whether others can read it, and whether it is fresh [read_file, cached_token, is_fresh]
    read -r mode size rest && read -r rest rest now || exit 1
    case $mode in *00) ;; *) exit 1 ;; esac
    case $size$now in *[!0-9]*) exit 1 ;; esac
    [ "$size" -le 1048576 ] && [ "$issued_at" -gt 0 ] && [ "$issued_at" -le "$now" ] || exit 1
    [ "$expires_at" -eq 0 ] || [ "$expires_at" -gt $((now + 60)) ] || exit 1

    trap '' PIPE
    printf '%s\n' "$second" 2>/dev/null && exit 0
    [ -f /dev/fd/1 ] || exit 1
    echo 'error: the answer could not be written' >&2 # half of it perhaps: nobody may print a token behind that
    exit 9
}

# Print "MODE SIZE CHANGED" of a file, then the like of the pipe that it is printed to: made just now, CHANGED is now.
look_at() {
    [ ! -e /proc/self/fd/1 ] || LC_ALL=C exec stat -L -c '%a %s %Y' "$1" /proc/self/fd/1
    set -f
    set -- $(LC_ALL=C ls -ldnq "$1") # shellcheck disable=SC2046 - word by word
    case $1 in -???------*) echo "600 $5 0" && echo "600 0 $(date +%s)" ;; esac
}

# Set first, second and lines to the first two lines of a file, offset to what was read; fail where a NUL was among it,
# which a shell drops without a word.
read_lines() {
    lines=0 second='' source=''
    {
        IFS= read -r first <&3 && lines=1 && IFS= read -r second <&3 && lines=2
        read -r source offset 2>/dev/null </proc/self/fdinfo/3
    } 3<"$1"
    [ "$source" = pos: ] || offset=$(LC_ALL=C head -n 2 "$1" | wc -c)
    [ "$offset" -eq $((${#first} + ${#second} + lines)) ]
}

is_ours() {
    [ -f "$1" ] && [ ! -h "$1" ] && [ -O "$1" ]
}

run() { # interpreter, this file, command line; returns where PATH has no such interpreter
    if command -v "$1" >/dev/null; then exec "$@"; fi
}

case ${1-} in token) answer "$@" ;; esac
run python3 "$0" "$@"
run python "$0" "$@" # of any version: an old one goes on with a newer one from PATH
echo "${0##*/} needs Python 3.10 or newer: PATH has neither python3 nor python. Install it first." >&2
exit 3
