# bash completion for superctl(8)

_superctl_services() {
    superctl "$@" list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_superctl() {
    local commands='status list show instances sources history isolation explain log top kill pause
        resume drain reload upgrade stop check dump metrics try wait-ready new'
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' i
    local -a socket=()

    # The command is the first word that is neither an option nor an option's value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket | -c | --config)
            socket+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
            i=$((i + 1))
            ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    COMPREPLY=()
    case $previous in
    -s | --socket | -c | --config | --binary)
        COMPREPLY=($(compgen -f -- "$current"))
        return
        ;;
    --service)
        COMPREPLY=($(compgen -W "$(_superctl_services "${socket[@]}")" -- "$current"))
        return
        ;;
    --lang)
        COMPREPLY=($(compgen -W 'sh python perl awk c node ruby lua tcl go rust' -- "$current"))
        return
        ;;
    --sort)
        COMPREPLY=($(compgen -W 'service live limit admitted refused failed' -- "$current"))
        return
        ;;
    esac

    local options='--json'
    case $command in
    '') options='--socket --config --json --version --help' ;;
    status) options='--json --sort' ;;
    instances) options='--json --source' ;;
    sources) options='--json --source --rates' ;;
    log) options='--json --follow --lines' ;;
    top) options='--delay' ;;
    kill) options='--json --source --service --now' ;;
    pause | resume) options='--json --listener' ;;
    drain) options='--json --listener --deadline --wait' ;;
    upgrade) options='--json --binary' ;;
    stop) options='--json --no-wait' ;;
    try) options='--as' ;;
    new) options='--lang --directory --listen --templates' ;;
    wait-ready) options='--timeout' ;;
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
        return
    fi
    case $command in
    '') COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;
    show | instances | sources | history | isolation | explain | log | pause | resume | drain | try)
        COMPREPLY=($(compgen -W "$(_superctl_services "${socket[@]}")" -- "$current"))
        ;;
    esac
}

complete -F _superctl superctl
