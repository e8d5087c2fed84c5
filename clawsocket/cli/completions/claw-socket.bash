# bash completion for claw-socket. Made by `make completions`.

# Names of sessions are anybody's text: they are compared and quoted, never expanded.
_claw_socket_sessions() {
    local name about
    while IFS=$'\t' read -r name about; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(claw-socket completion sessions 2>/dev/null)
}

_claw_socket_words() {
    local word
    for word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_claw_socket_files() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(compgen "$1" -- "$cur")
}

_claw_socket() {
    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} at= i
    COMPREPLY=()
    # bash takes --flag=value for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $flag == = ]]; then
        flag=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at/${COMP_WORDS[i]}" in
            /install|/uninstall|/upgrade|/downgrade|/start|/stop|/restart|/logs|/doctor|/history|/history/show|/history/export|/history/purge|/status|/token|/token/show|/token/path|/token/rotate|/token/store|/token/restore|/line|/open|/ps|/tail|/usage|/completion|/wait|/watch|/waybar|/xbar) at=$at/${COMP_WORDS[i]} ;;
        esac
    done
    case "$at $flag" in
        " --port"|" --host"|"/install --port"|"/install --host"|"/upgrade --sha256"|"/history --since"|"/history/purge --before"|"/line --format"|"/line --off"|"/tail --since"|"/usage --since"|"/wait --timeout"|"/waybar --format"|"/xbar --format") :; return ;;
        " --set"|"/install --set"|"/usage --set") _claw_socket_words port= host= verbose= hooks= auth= stream= watch_files= claude_dirs= allowed_origins= allowed_hosts= max_connections= max_connections_per_address= max_strangers= header_timeout= message_limit= message_rate= max_topics= max_agent_logs= max_histories= ping_interval= ping_timeout= hook_body_limit= hook_rate= history_limit= history_bytes= log_to_disk= log_days= log_bytes= ring_bytes= ring_events= socket_buffer= line_limit= spool_limit= poll_interval= end_wait= linger= silence=; compopt -o nospace 2>/dev/null; return ;;
        "/history --project"|"/history/purge --project") _claw_socket_files -d; return ;;
        "/history/purge --session"|"/tail --session"|"/wait --session") _claw_socket_sessions; return ;;
        "/usage --by") _claw_socket_words day project model session agent prompt; return ;;
        "/wait --until") _claw_socket_words running requires_action idle background failed ended; return ;;
    esac
    case "$at $cur" in
        " "-*) _claw_socket_words --port --host --verbose --no-hooks --no-auth --rotate-token --install-hooks --uninstall-hooks --install-statusline --uninstall-statusline --set --help --version ;;
        "/install "-*) _claw_socket_words --help --dry-run --port --host --set --no-service --no-hooks --statusline --no-keyring --on-demand --at-login ;;
        "/uninstall "-*) _claw_socket_words --help --dry-run --purge ;;
        "/upgrade "-*) _claw_socket_words --help --sha256 --new-log ;;
        "/downgrade "-*) _claw_socket_words --help --new-log ;;
        "/start "-*|"/stop "-*|"/restart "-*|"/history/export "-*|"/token "-*|"/token/show "-*|"/token/path "-*|"/token/rotate "-*|"/token/store "-*|"/token/restore "-*|"/completion "-*|"/watch "-*) _claw_socket_words --help ;;
        "/logs "-*) _claw_socket_words --help --follow ;;
        "/doctor "-*) _claw_socket_words --help --json --fix ;;
        "/history "-*) _claw_socket_words --help --json --project --since ;;
        "/history/show "-*|"/status "-*) _claw_socket_words --help --json ;;
        "/history/purge "-*) _claw_socket_words --help --session --project --before --dry-run --yes ;;
        "/line "-*) _claw_socket_words --help --format --off ;;
        "/open "-*) _claw_socket_words --help --print ;;
        "/ps "-*) _claw_socket_words --help --watch --json ;;
        "/tail "-*) _claw_socket_words --help --session --since --json ;;
        "/usage "-*) _claw_socket_words --by --since --json --set --help ;;
        "/wait "-*) _claw_socket_words --help --until --session --next --timeout --json ;;
        "/waybar "-*) _claw_socket_words --help --format ;;
        "/xbar "-*) _claw_socket_words --help --format --once ;;
        " "*) _claw_socket_words install uninstall upgrade downgrade start stop restart logs doctor history status token line open ps tail usage completion wait watch waybar xbar ;;
        "/upgrade "*|"/history/export "*) _claw_socket_files -f ;;
        "/history "*) _claw_socket_words show export purge ;;
        "/history/show "*) _claw_socket_sessions ;;
        "/token "*) _claw_socket_words show path rotate store restore ;;
        "/tail "*) _claw_socket_words 'agent.*' agent.started agent.state_changed agent.stopped 'cwd.*' cwd.changed 'file.*' file.changed 'hook.*' hook.config_change hook.cwd_changed hook.directory_added hook.elicitation hook.elicitation_result hook.file_changed hook.instructions_loaded hook.message_display hook.notification hook.permission_denied hook.permission_request hook.post_compact hook.post_model_switch hook.post_tool_batch hook.post_tool_use hook.post_tool_use_failure hook.pre_compact hook.pre_model_switch hook.pre_skill_shell_command hook.pre_tool_use hook.session_end hook.session_start hook.setup hook.stop hook.stop_failure hook.subagent_start hook.subagent_stop hook.task_completed hook.task_created hook.teammate_idle hook.user_prompt_expansion hook.user_prompt_submit hook.worktree_create hook.worktree_remove 'mcp.*' mcp.elicitation mcp.elicitation_result mcp.server_status 'message.*' message.assistant message.error message.result message.user 'session.*' session.compacted session.discovered session.ended session.removed session.renamed session.started session.state_changed 'stream.*' stream.delta 'system.*' system.check system.error 'task.*' task.completed task.created 'tool.*' tool.permission_denied tool.permission_requested tool.result tool.use 'usage.*' usage.context usage.rate_limit usage.updated 'worktree.*' worktree.removed ;;
        "/completion "*) _claw_socket_words bash zsh fish ;;
    esac
}

complete -F _claw_socket claw-socket
