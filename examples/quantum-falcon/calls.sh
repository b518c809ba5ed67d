#!/usr/bin/env bash
# Every call of the document, in its order. Only the host, the token and the key are put in.
#
#   TOKEN  the admin token (data/secrets.json)
#   BASE   http://127.0.0.1:4242 unless said
#
# Ends with 1 at the first answer that is not the documented one.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:4242}
: "${TOKEN:?the admin token}"

. "$(dirname "${BASH_SOURCE[0]}")/../calls.sh"

call 'Health' 200 "$BASE/health"

call 'Test License Generation' 200 -X POST "$BASE/api/generate" \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{
    "userId": "user_123",
    "userEmail": "user@example.com",
    "tier": "pro",
    "duration": 30
  }'
KEY=$(field license)

call 'without rights' 401 -X POST "$BASE/api/generate" -H 'Content-Type: application/json' \
  -d '{"userId": "user_123", "tier": "pro"}'

call 'without a tier' 400 -X POST "$BASE/api/generate" \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"userId": "user_123"}'

call 'Test License Verification' 200 -X POST "$BASE/api/verify" -H 'Content-Type: application/json' \
  -d "{
    \"license\": \"$KEY\",
    \"timestamp\": 1704067200000
  }"

call 'a key that is none' 401 -X POST "$BASE/api/verify" -H 'Content-Type: application/json' \
  -d '{"license": "QF-PRO-0123456789ab-1234567890"}'

call 'no key' 400 -X POST "$BASE/api/verify" -H 'Content-Type: application/json' -d '{}'

call 'Webhook, not signed' 400 -X POST "$BASE/webhooks/stripe" \
  -H 'Stripe-Signature: t=1,v1=00' -H 'Content-Type: application/json' -d '{}'
