# What the scripts of the examples' calls share; each sources it.

# call <what> <status> <arguments of curl…>: prints the answer, keeps it in ANSWER, and ends when the status is another.
call() {
  local what=$1 expected=$2 status
  shift 2
  ANSWER=$(curl -sS -w '\n%{http_code}' "$@")
  status=${ANSWER##*$'\n'}
  ANSWER=${ANSWER%$'\n'*}
  printf '%-28s %s  %s\n' "$what" "$status" "$ANSWER"
  if [ "$status" != "$expected" ]; then
    printf 'expected %s\n' "$expected" >&2
    exit 1
  fi
}

# field <name>: the first text of that name in the last answer.
field() {
  grep -o "\"$1\":\"[^\"]*\"" <<<"$ANSWER" | head -n 1 | cut -d '"' -f 4
}
