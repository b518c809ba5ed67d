#!/usr/bin/env bash
# Every call of the document, in its order. Only the host, the tokens and the key are put in.
#
#   TOKEN       the admin token (data/secrets.json)
#   USER_TOKEN  a user's token: npx node examples/crypto-orchestrator/user-token.ts 123
#   BASE        http://127.0.0.1:4242 unless said
#
# Ends with 1 at the first answer that is not the documented one. A user subscribes once: take another for another run.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:4242}
: "${TOKEN:?the admin token}" "${USER_TOKEN:?a token of a user}"

. "$(dirname "${BASH_SOURCE[0]}")/../calls.sh"

call 'Create Customer' 201 -X POST "$BASE/api/payments/customers" \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{"email": "user@example.com", "name": "John Doe"}'

call 'without rights' 401 -X POST "$BASE/api/payments/customers" -H 'Content-Type: application/json' \
  -d '{"email": "user@example.com", "name": "John Doe"}'

call 'Check Features (demo)' 200 "$BASE/api/licensing/features" -H "Authorization: Bearer $USER_TOKEN"

call 'a card that is declined' 402 -X POST "$BASE/api/payments/subscriptions" \
  -H "Authorization: Bearer $USER_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "pro", "payment_method_id": "pm_card_chargeDeclined"}'

call 'Create Subscription' 201 -X POST "$BASE/api/payments/subscriptions" \
  -H "Authorization: Bearer $USER_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "pro", "payment_method_id": "pm_card_visa"}'

call 'the same again' 409 -X POST "$BASE/api/payments/subscriptions" \
  -H "Authorization: Bearer $USER_TOKEN" -H 'Content-Type: application/json' \
  -d '{"tier": "pro", "payment_method_id": "pm_card_visa"}'

call 'Webhook, not signed' 400 -X POST "$BASE/api/payments/webhook" \
  -H 'X-Stripe-Signature: t=1,v1=00' -H 'Content-Type: application/json' -d '{}'

call 'Generate License' 201 -X POST "$BASE/api/licensing/generate" \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{"user_id": "123", "license_type": "pro", "expires_at": null}'
KEY=$(field license_key)

call 'Activate License' 200 -X POST "$BASE/api/licensing/activate" -H 'Content-Type: application/json' \
  -d "{\"license_key\": \"$KEY\", \"machine_id\": \"machine-1\"}"

call 'another machine' 409 -X POST "$BASE/api/licensing/activate" -H 'Content-Type: application/json' \
  -d "{\"license_key\": \"$KEY\", \"machine_id\": \"machine-2\"}"
REQUEST=$(field reactivation_request_id)

call 'an admin approves' 200 -X POST "$BASE/api/licensing/reactivations/$REQUEST/approve" \
  -H "Authorization: Bearer $TOKEN"

call 'and it is let in' 200 -X POST "$BASE/api/licensing/activate" -H 'Content-Type: application/json' \
  -d "{\"license_key\": \"$KEY\", \"machine_id\": \"machine-2\"}"

call 'a key that is none' 404 -X POST "$BASE/api/licensing/activate" -H 'Content-Type: application/json' \
  -d '{"license_key": "CO-XXXXXXXX-XXXXXXXX-XXXXXXXX-XXXXXXXX", "machine_id": "machine-1"}'

call 'Validate License' 200 "$BASE/api/licensing/validate" -H "Authorization: Bearer $USER_TOKEN"

call 'Check Features' 200 "$BASE/api/licensing/features" -H "Authorization: Bearer $USER_TOKEN"
