#!/usr/bin/env bash
# Every call of the document, in its order. Only the hosts, the token and the key are put in.
#
#   TOKEN  the admin token (data/secrets.json)
#   BASE   http://127.0.0.1:4242 unless said
#   APP    where the example's program listens (http://127.0.0.1:8080); left out, its calls are left out
#
# Ends with 1 at the first answer that is not the documented one.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:4242}
: "${TOKEN:?the admin token}"

. "$(dirname "${BASH_SOURCE[0]}")/../calls.sh"

call 'License Creation with Hours' 201 -X POST "$BASE/api/licenses" \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
  -d '{
    "email": "test@example.com",
    "company": "Test Co",
    "name": "Test User",
    "hours": 10
  }'
KEY=$(field license_key)

call 'Adding Hours' 200 -X POST "$BASE/api/licenses/$KEY/hours" \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
  -d '{"hours": 5}'

call 'Usage Tracking' 200 -X POST "$BASE/api/licenses/$KEY/usage" \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
  -d '{"hours": 0.5}'

call 'more than there is' 402 -X POST "$BASE/api/licenses/$KEY/usage" \
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
  -d '{"hours": 100}'

call 'without rights' 401 -X POST "$BASE/api/licenses/$KEY/hours" -H "Content-Type: application/json" \
  -d '{"hours": 5}'

call 'The license' 200 "$BASE/api/licenses/$KEY"

call 'Get packages' 200 "$BASE/payments/packages"

call 'Check balance' 200 "$BASE/payments/balance?license_key=$KEY"

call 'an unknown key' 404 "$BASE/payments/balance?license_key=RL-XXXXXXXX-XXXXXXXX-XXXXXXXX"

call 'Purchase Hours' 200 -X POST "$BASE/payments/create-checkout" -H "Content-Type: application/json" \
  -d "{
    \"license_key\": \"$KEY\",
    \"hours\": 10,
    \"package_id\": \"medium\"
  }"
SESSION=$(field session_id)

call 'not paid yet' 202 "$BASE/payments/success?session_id=$SESSION"

call 'Webhook, not signed' 400 -X POST "$BASE/payments/webhook" \
  -H 'Stripe-Signature: t=1,v1=00' -H 'Content-Type: application/json' -d '{}'

call 'The page' 200 -o /dev/null "$BASE/payments/"

if [ -n "${APP:-}" ]; then
  call 'Use: header' 200 "$APP/api/status" -H "X-License-Key: $KEY"
  call 'Use: query parameter' 200 "$APP/api/status?license_key=$KEY"
  call 'Use: JSON body' 201 -X POST "$APP/api/upload" -H "Content-Type: application/json" \
    -d "{\"license_key\": \"$KEY\", \"name\": \"prices\", \"rows\": [1, 2, 3]}"
  call 'no key, no tracking' 200 "$APP/api/status"
fi
