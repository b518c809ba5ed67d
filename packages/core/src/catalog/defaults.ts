/** What holds where a catalog is silent. The figures are those the products in the field settled on. */

import type {
  CancellationPolicy,
  CheckoutPolicy,
  DunningPolicy,
  LicensePolicy,
  OverageBilling,
  PlanChangePolicy,
  WithdrawalPolicy,
} from './types.ts';

export const DEFAULT_LICENSE_POLICY: LicensePolicy = {
  termDays: null,
  termBasis: 'issue',
  expiryStrategy: 'restrict',
  renewalBasis: 'expiry',
  graceDays: 0,
  maxMachines: 1,
  requireProduct: false,
  requireMachine: false,
  machineMatching: 'most',
  machineUniqueness: 'license',
  whenMachinesFull: 'refuse',
  ownerRelease: { max: 3, days: 30 },
  expiringNoticeDays: [7, 1],
  offlineFileDays: 14,
  requireCredit: null,
};

export const DEFAULT_DUNNING_POLICY: DunningPolicy = {
  graceDays: 3,
  whenGraceEnds: 'suspend',
  failuresBeforeRevocation: 3,
};

export const DEFAULT_CANCELLATION_POLICY: CancellationPolicy = { effect: 'revoke', downgradeTo: null };

export const DEFAULT_PLAN_CHANGE_POLICY: PlanChangePolicy = {
  upgrade: 'now',
  downgrade: 'period_end',
  proration: 'always_invoice',
};

export const DEFAULT_WITHDRAWAL_POLICY: WithdrawalPolicy = { onRefund: 'revoke', onDispute: 'suspend' };

/** Percentages of what is included at which a customer is told. */
export const DEFAULT_NOTIFY_AT: readonly number[] = [80, 100];

export const DEFAULT_OVERAGE_BILLING: OverageBilling = 'meter_events';

export const DEFAULT_CHECKOUT_POLICY: CheckoutPolicy = { promotionCodes: false, automaticTax: false };
