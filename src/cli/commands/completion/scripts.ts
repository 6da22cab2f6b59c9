/**
 * What each shell runs at Tab. All of it asks `slm-mesh __complete`, and evaluates nothing of what is answered or typed:
 * names and keys come from others.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

const bash = `# Completions of SLM Mesh for bash. In ~/.bashrc: source <(slm-mesh completion bash)

# A word without its quotes and backslashes, in _slm_mesh_text; the quote that is still open, in _slm_mesh_quote.
_slm_mesh_unquote() {
  local c i
  _slm_mesh_text='' _slm_mesh_quote=''
  for ((i = 0; i < \${#1}; i++)); do
    c=\${1:i:1}
    if [[ $_slm_mesh_quote == "'" ]]; then
      if [[ $c == "'" ]]; then _slm_mesh_quote=''; else _slm_mesh_text+=$c; fi
    elif [[ $c == \\\\ ]]; then
      i=$((i + 1))
      c=\${1:i:1}
      if [[ $_slm_mesh_quote == '"' && $c != [\\\\\\"\\$\\\`] ]]; then _slm_mesh_text+=\\\\; fi
      _slm_mesh_text+=$c
    elif [[ $c == "$_slm_mesh_quote" ]]; then _slm_mesh_quote=''
    elif [[ -z $_slm_mesh_quote && $c == [\\'\\"] ]]; then _slm_mesh_quote=$c
    else _slm_mesh_text+=$c
    fi
  done
}

_slm_mesh() {
  local i word rest trimmed last value answers _slm_mesh_text _slm_mesh_quote
  local -a raw=() words=()
  COMPREPLY=()

  # Bash has cut the line at : and = as well; what stands together belongs together.
  rest=\${COMP_LINE:0:COMP_POINT}
  for ((i = 0; i <= COMP_CWORD; i++)); do
    trimmed=\${rest#"\${rest%%[![:space:]]*}"}
    if ((i == COMP_CWORD)); then word=$trimmed; else word=\${COMP_WORDS[i]}; fi
    if [[ i -eq 0 || $trimmed != "$rest" ]]; then raw+=("$word"); else raw[\${#raw[@]} - 1]+=$word; fi
    rest=\${trimmed:\${#word}}
  done
  for ((i = 1; i < \${#raw[@]}; i++)); do
    _slm_mesh_unquote "\${raw[i]}"
    words+=("$_slm_mesh_text")
  done
  last=$_slm_mesh_text

  answers=$("$1" __complete -- "\${words[@]}" 2> /dev/null < /dev/null)
  if [[ -z $answers ]]; then
    if ! compopt -o default 2> /dev/null; then # before bash 4
      while IFS= read -r value; do COMPREPLY+=("$(printf '%q' "$value")"); done < <(compgen -f -- "$last")
    fi
    return
  fi

  # Readline replaces what comes after the last character at which bash cuts.
  rest=''
  if [[ -z $_slm_mesh_quote && $last == *[:=@]* ]]; then
    rest=$last
    while [[ $rest != *[:=@] || $COMP_WORDBREAKS != *"\${rest: -1}"* ]] && [[ -n $rest ]]; do rest=\${rest%?}; done
  fi
  while IFS= read -r value; do
    value=\${value%%$'\\t'*}
    if [[ $value != "$last"* ]]; then continue; fi
    value=\${value:\${#rest}}
    case $_slm_mesh_quote in
      # Inside quotes, only what means itself there.
      \\') if [[ $value != *\\'* ]]; then COMPREPLY+=("$value"); fi ;;
      \\") if [[ $value != *[\\\\\\"\\$\\\`\\!]* ]]; then COMPREPLY+=("$value"); fi ;;
      *) COMPREPLY+=("$(printf '%q' "$value")") ;;
    esac
  done <<< "$answers"
}

complete -F _slm_mesh slm-mesh
`

const zsh = `#compdef slm-mesh
# Completions of SLM Mesh for zsh. In ~/.zshrc: source <(slm-mesh completion zsh)
# Or save this as _slm-mesh in a directory of your $fpath.

_slm-mesh() {
  local answer
  local -a answers values shown
  answers=("\${(@f)$("\${(Q)words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2> /dev/null < /dev/null)}")
  for answer in "\${answers[@]}"; do
    if [[ -z $answer ]]; then continue; fi
    values+=("\${answer%%$'\\t'*}")
    shown+=("\${answer/$'\\t'/  -- }")
  done
  if (( $#values )); then
    compadd -l -d shown -a values
  else
    _files
  fi
}

if [[ $funcstack[1] == _slm-mesh ]]; then
  _slm-mesh "$@"
else
  if (( ! $+functions[compdef] )); then autoload -Uz compinit && compinit; fi
  compdef _slm-mesh slm-mesh
fi
`

const fish = `# Completions of SLM Mesh for fish. slm-mesh completion fish > ~/.config/fish/completions/slm-mesh.fish

function __slm_mesh_complete
    set -l words (commandline -opc)
    set -l answers (command $words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null </dev/null)
    if test (count $answers) -gt 0
        printf '%s\\n' $answers
    else
        __fish_complete_path (commandline -ct)
    end
end

complete -c slm-mesh -f -a '(__slm_mesh_complete)'
`

export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish }
