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

# field <name>: a text of the last answer.
field() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$ANSWER"
}
