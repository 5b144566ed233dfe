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
    local LC_ALL state config profile file first second lines source offset expires_at issued_at length
    local seen now rest letter prefix newline
    LC_ALL=C # what a range holds, and what a character is, depends on it
    newline='
'
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
                read_lines "$state/default" || return
                [ "$lines" -lt 2 ] && [ -z "$second" ] || return
                profile=$first
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
    read_lines "$file" && [ "$lines" -eq 2 ] || return
    case $first in '1 '*' '*' '*) rest=${first#1 } ;; *) return ;; esac
    expires_at=${rest%% *}
    rest=${rest#* }
    issued_at=${rest%% *}
    length=${rest#* }
    for rest in "$expires_at" "$issued_at" "$length"; do
        case $rest in '' | *[!0-9]* | ????????????*) return ;; esac
    done
    [ "$length" -eq ${#second} ] && [ "$length" -lt 4096 ] || return # so much a pipe takes as a whole or not at all
    case $second in '' | *[!A-Za-z0-9._~+/=-]*) return ;; esac       # RFC 6750 section 2.1

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

    # whether others can read it, and whether it is fresh [read_file, cached_token, is_fresh]
    seen=$(look_around "$file" 2>/dev/null) || return
    now=${seen##*!}
    seen=${seen%!*}
    seen=${seen%!*}
    rest=${seen##*"$newline"}
    case $rest in *00) ;; *) return ;; esac
    case ${rest% *}$now in *[!0-9]*) return ;; esac
    [ "${rest% *}" -le 1048576 ] && [ "$issued_at" -gt 0 ] && [ "$issued_at" -le "$now" ] || return
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
    printf '%s\n' "$second" 2>/dev/null && exit 0
    trap - PIPE
    [ -f /dev/fd/1 ] || return
    echo 'error: the answer could not be written' >&2 # half of it perhaps: nobody may print a token behind that
    exit 9
}

# Set first, second and lines to the first two lines of a file; fail where it is not ours [read_file] or holds a NUL,
# which a shell drops without a word: only how far the reading has come tells.
read_lines() {
    [ -f "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] && [ -r "$1" ] || return
    first='' second='' lines=0 source=''
    {
        IFS= read -r first <&3 && lines=1 && IFS= read -r second <&3 && lines=2
        read -r source offset 2>/dev/null </proc/self/fdinfo/3
    } 3<"$1"
    [ "$source" = pos: ] || offset=$(head -n 2 "$1" | wc -c)
    [ "$offset" -eq $((${#first} + ${#second} + lines)) ]
}

# Print the environment, then "SIZE MODE!CHANGED" of a file, then the like where CHANGED is now.
look_around() {
    export -p
    # One process is quicker than two, and the pipe that it prints to was made just now.
    [ "$source" != pos: ] || LC_ALL=C exec stat -L -c '%s %a!%Y' "$1" /proc/self/fd/1
    set -f
    # shellcheck disable=SC2046 # word by word is what is wanted
    set -- $(LC_ALL=C ls -ldnq "$1")
    case $1 in -???------*) echo "$5 600!0" && echo "0 600!$(date +%s)" ;; *) return 1 ;; esac
}

run() { # interpreter, this file, command line; returns where PATH has no such interpreter
    if command -v "$1" >/dev/null; then exec "$@"; fi
}

case ${1-} in token) answer "$@" ;; esac
run python3 "$0" "$@"
run python "$0" "$@" # of any version: an old one goes on with a newer one from PATH
echo "${0##*/} needs Python 3.10 or newer: PATH has neither python3 nor python. Install it first." >&2
exit 3
