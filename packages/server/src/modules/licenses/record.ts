import type { Coverage, Hold, LicenseOverrides, LicenseState, MachineComponents } from '@latchkey/core';

/** A machine that holds, or held, a seat. */
export interface Activation {
  id: string;
  fingerprint: string;
  name: string | null;
  /** As digests; empty where the machine told none. */
  components: MachineComponents;
  createdAt: number;
}

/** A licence as it is stored, with its holds and its live machines: everything but the key. Instants are milliseconds. */
export interface LicenseRecord {
  id: string;
  origin: string;
  product: string;
  plan: string;
  scheme: string;
  keyHint: string;
  customerId: string | null;
  subscriptionId: string | null;
  startsAt: number;
  expiresAt: number | null;
  maxMachines: number;
  machinesUsed: number;
  coverage: Coverage;
  /** What this licence says over its plan. */
  overrides: LicenseOverrides;
  termBeginsWith: LicenseState['termBeginsWith'];
  metadata: Record<string, string>;
  revealedAt: number | null;
  createdAt: number;
  updatedAt: number;
  version: number;
  holds: Hold[];
  activations: Activation[];
}
