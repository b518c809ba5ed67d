/** Every letter the house can write. */

import type { z } from 'zod';
import { creditsAdded } from './credits-added.ts';
import { licenseEnding } from './license-ending.ts';
import { licenseIssued } from './license-issued.ts';
import { licenseResend } from './license-resend.ts';
import { licenseRevoked } from './license-revoked.ts';
import { machineRelease } from './machine-release.ts';
import { paymentFailed } from './payment-failed.ts';
import { paymentRecovered } from './payment-recovered.ts';
import { paymentReminder } from './payment-reminder.ts';
import { reactivationDecided } from './reactivation-decided.ts';
import { resetPassword } from './reset-password.ts';
import { signInLink } from './sign-in-link.ts';
import { subscriptionCanceled } from './subscription-canceled.ts';
import { subscriptionEnding } from './subscription-ending.ts';
import { subscriptionRenewed } from './subscription-renewed.ts';
import { subscriptionSuspended } from './subscription-suspended.ts';
import { trialEnding } from './trial-ending.ts';
import { usageLimitAlert, usageThreshold } from './usage-threshold.ts';
import { vendorAlert } from './vendor-alert.ts';
import { verifyEmail } from './verify-email.ts';
export const templates = {
  'credits-added': creditsAdded,
  'license-issued': licenseIssued,
  'license-resend': licenseResend,
  'license-revoked': licenseRevoked,
  'machine-release': machineRelease,
  'payment-failed': paymentFailed,
  'reactivation-decided': reactivationDecided,
  'reset-password': resetPassword,
  'sign-in-link': signInLink,
  'subscription-canceled': subscriptionCanceled,
  'subscription-renewed': subscriptionRenewed,
  'subscription-suspended': subscriptionSuspended,
  'verify-email': verifyEmail,
  'license-ending': licenseEnding,
  'payment-recovered': paymentRecovered,
  'payment-reminder': paymentReminder,
  'subscription-ending': subscriptionEnding,
  'trial-ending': trialEnding,
  'usage-limit-alert': usageLimitAlert,
  'usage-threshold': usageThreshold,
  'vendor-alert': vendorAlert,
} as const;

export type TemplateName = keyof typeof templates;

/** What a letter is given, as JSON: dates are ISO 8601 texts, and no field holds a key. */
export type TemplateData<Name extends TemplateName> = z.input<(typeof templates)[Name]['data']>;
