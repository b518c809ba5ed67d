#!/usr/bin/env bash
# The one HTTP call of the document, and what its classes do as calls of /v1. Only the host, the token and the key are put in.
#
#   TOKEN   the admin token (data/secrets.json)
#   BASE    http://127.0.0.1:4242 unless said
#   STRIPE  the local Stripe, http://127.0.0.1:4243 unless said
#   STRIPE_WEBHOOK_SECRET  when the server was started with one: then a signed webhook is sent as well
#
# Ends with 1 at the first answer that is not the documented one.
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:4242}
STRIPE=${STRIPE:-http://127.0.0.1:4243}
: "${TOKEN:?the admin token}"
EMAIL=customer-$$-$RANDOM@example.com
AS_ADMIN=(-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')

. "$(dirname "${BASH_SOURCE[0]}")/../calls.sh"

# contains <text>: ends when the last answer has it not.
contains() {
  case $ANSWER in *"$1"*) ;; *) printf 'expected %s\n' "$1" >&2 && exit 1 ;; esac
}

# Payments
call 'create_product, create_price' 200 "$BASE/v1/products/infinite-server26"
contains '"amount_cents":2500'
call 'create_customer' 201 -X POST "$BASE/v1/customers" "${AS_ADMIN[@]}" \
  -d "{\"email\": \"$EMAIL\", \"name\": \"John Doe\", \"at_stripe\": true}"
call 'create_checkout_session' 201 -X POST "$BASE/v1/checkouts" -H 'Content-Type: application/json' \
  -d "{\"product\": \"infinite-server26\", \"plan\": \"license\", \"email\": \"$EMAIL\"}"
CHECKOUT=$(field id)
call 'the customer pays' 200 -X POST "$STRIPE/_sandbox/checkout/sessions/$CHECKOUT/complete" "${AS_ADMIN[@]}" \
  -d '{"payment_method": "pm_card_visa"}'
call 'everything is carried out' 200 -X POST "$BASE/sandbox/time/advance" "${AS_ADMIN[@]}" -d '{"seconds": 1}'

# The key came by mail
call 'the letter' 200 "$BASE/sandbox/mail?to=$EMAIL" -H "Authorization: Bearer $TOKEN"
KEY=$(grep -oE '[0-9a-f]{16}(-[0-9a-f]{16}){15}' <<<"$ANSWER" | head -n 1)

# Licences
call 'validate_license' 200 -X POST "$BASE/v1/licenses/validate" -H 'Content-Type: application/json' -d "{\"key\": \"$KEY\"}"
contains '"valid":true'
call 'activate_license' 200 -X POST "$BASE/v1/licenses/activate" -H 'Content-Type: application/json' \
  -d "{\"key\": \"$KEY\", \"machine\": {\"fingerprint\": \"server_001\"}}"
contains '"valid":true'
call 'on a second server' 200 -X POST "$BASE/v1/licenses/activate" -H 'Content-Type: application/json' \
  -d "{\"key\": \"$KEY\", \"machine\": {\"fingerprint\": \"server_002\"}}"
contains '"code":"TOO_MANY_MACHINES"'
call 'deactivate_license' 200 -X POST "$BASE/v1/licenses/deactivate" -H 'Content-Type: application/json' \
  -d "{\"key\": \"$KEY\", \"machine\": {\"fingerprint\": \"server_001\"}}"
call 'list_licenses' 200 "$BASE/v1/licenses?status=active&email=$EMAIL" -H "Authorization: Bearer $TOKEN"
LICENSE=$(grep -o 'lic_[0-9a-z]*' <<<"$ANSWER" | head -n 1)
call 'get_license_info' 200 "$BASE/v1/licenses/$LICENSE" -H "Authorization: Bearer $TOKEN"
call 'renew_license' 200 -X POST "$BASE/v1/licenses/$LICENSE/renew" -H "Authorization: Bearer $TOKEN"
call 'get_statistics' 200 "$BASE/v1/licenses/statistics" -H "Authorization: Bearer $TOKEN"

# Subscriptions
call 'the subscription' 200 "$BASE/v1/subscriptions?product=infinite-server26&limit=1" -H "Authorization: Bearer $TOKEN"
SUBSCRIPTION=$(field id)
call 'get_subscription' 200 "$BASE/v1/subscriptions/$SUBSCRIPTION" -H "Authorization: Bearer $TOKEN"
call 'cancel_subscription' 200 -X POST "$BASE/v1/subscriptions/$SUBSCRIPTION/cancel" "${AS_ADMIN[@]}" -d '{}'
call 'access is gone' 200 -X POST "$BASE/v1/licenses/validate" -H 'Content-Type: application/json' -d "{\"key\": \"$KEY\"}"
contains '"code":"REVOKED"'
call 'revoke_license' 200 -X POST "$BASE/v1/licenses/$LICENSE/revoke" -H "Authorization: Bearer $TOKEN"

# The webhook
call 'webhook, not signed' 400 -X POST "$BASE/webhook/stripe" -H 'Stripe-Signature: t=1,v1=00' -d '{}'
contains 'Invalid signature'
if [ -n "${STRIPE_WEBHOOK_SECRET:-}" ]; then
  NOW=$(date +%s)
  EVENT="{\"id\":\"evt_$NOW\",\"object\":\"event\",\"type\":\"customer.created\",\"created\":$NOW,\"livemode\":false,\"data\":{\"object\":{\"id\":\"cus_$NOW\",\"object\":\"customer\",\"metadata\":{}}}}"
  MAC=$(printf '%s.%s' "$NOW" "$EVENT" | openssl dgst -sha256 -hmac "$STRIPE_WEBHOOK_SECRET" | sed 's/.*= *//')
  call 'webhook, signed' 200 -X POST "$BASE/webhook/stripe" -H "Stripe-Signature: t=$NOW,v1=$MAC" -d "$EVENT"
  contains 'Success'
fi
