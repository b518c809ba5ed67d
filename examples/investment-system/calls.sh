#!/usr/bin/env bash
# Every call of the document. Only the host and the tokens are put in.
#
#   ADMIN_TOKEN  the admin token (data/secrets.json)
#   JWT_TOKEN    a user's token: npx node examples/investment-system/user-token.ts ann
#   BASE         http://127.0.0.1:4242 unless said
#
# Ends with 1 at the first answer that is not the documented one. It leaves the user without a subscription, so it can run again.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:4242}
: "${ADMIN_TOKEN:?the admin token}" "${JWT_TOKEN:?a token of a user}"

# call <what> <status> <text that the answer has> <arguments of curl…>: ends when the answer is another.
call() {
  local what=$1 expected=$2 text=$3 answer status
  shift 3
  answer=$(curl -sS -w '\n%{http_code}' "$@")
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  printf '%-24s %s  %.200s\n' "$what" "$status" "$answer"
  if [ "$status" != "$expected" ] || [[ $answer != *"$text"* ]]; then
    printf 'expected %s and %s\n' "$expected" "$text" >&2
    exit 1
  fi
}

call 'pricing' 200 '"id":"enterprise"' "$BASE/pricing"

call 'a declined card' 402 '"code":"stripe_declined"' -X POST "$BASE/billing/subscribe" \
  -H "Authorization: Bearer $JWT_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "pro", "payment_method_id": "pm_card_chargeDeclined"}'

call 'Create Subscription' 201 '"status":"active"' -X POST "$BASE/billing/subscribe" \
  -H "Authorization: Bearer $JWT_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "tier": "pro",
    "payment_method_id": "pm_card_visa"
  }'

call 'the same again' 409 '"code":"already_subscribed"' -X POST "$BASE/billing/subscribe" \
  -H "Authorization: Bearer $JWT_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "pro", "payment_method_id": "pm_card_visa"}'

call 'Check Usage Status' 200 '"included":10000' "$BASE/billing/status" \
  -H "Authorization: Bearer $JWT_TOKEN"

call 'what an upgrade costs' 200 '"preview":true' -X POST "$BASE/billing/upgrade" \
  -H "Authorization: Bearer $JWT_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "enterprise", "preview": true}'

call 'upgrade' 200 '"current_tier":"enterprise"' -X POST "$BASE/billing/upgrade" \
  -H "Authorization: Bearer $JWT_TOKEN" -H 'Content-Type: application/json' -d '{"tier": "enterprise"}'

call 'payment methods' 200 '"last4":"4242"' "$BASE/billing/payment-methods" -H "Authorization: Bearer $JWT_TOKEN"

call 'portal' 200 '"url":' "$BASE/billing/portal" -H "Authorization: Bearer $JWT_TOKEN"

call 'health' 200 '"status":' "$BASE/health/billing"

call 'statistics' 200 '"mrr":' "$BASE/billing/admin/stats" \
  -H "Authorization: Bearer $ADMIN_TOKEN"

call 'no statistics for users' 403 '"code":"forbidden"' "$BASE/billing/admin/stats" -H "Authorization: Bearer $JWT_TOKEN"

call 'nobody' 401 '"code":"unauthorized"' "$BASE/billing/status"

call 'webhook, not signed' 400 'Invalid signature' -X POST "$BASE/webhooks/stripe" \
  -H 'Stripe-Signature: t=1,v1=00' -H 'Content-Type: application/json' -d '{}'

call 'cancel' 200 '"status":"canceled"' -X POST "$BASE/billing/cancel" \
  -H "Authorization: Bearer $JWT_TOKEN" -H 'Content-Type: application/json' -d '{"at_period_end": false}'

call 'the free tier' 200 '"tier":"free"' "$BASE/billing/status" -H "Authorization: Bearer $JWT_TOKEN"
