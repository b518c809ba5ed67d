/** What the program asks the server at its start: may I run here, and what may I do? */

import { createClient, LatchkeyApiError } from '@latchkey/sdk';
import type { MachineIdentity } from '@latchkey/sdk/node';

/** As `GET /api/licensing/validate` answers. */
export interface Standing {
  valid: boolean;
  license_type: string | null;
  expires_at: string | null;
  max_bots: number;
  features: string[];
  demo_mode: boolean;
  code: string;
  reason?: string;
}

/** As `GET /api/licensing/features` answers. */
export interface Features {
  features: string[];
  flags: Record<string, { enabled: boolean; message?: string }>;
  max_bots: number;
  demo_mode: boolean;
}

export interface Activation {
  activated: boolean;
  error?: string;
  /** Where another machine has the seat: what the vendor approves to let this one in. */
  reactivation_request_id?: string;
}

/** Answers after which binding the licence to this machine is worth a try: it is bound to none yet, or to this one by another name. */
const MAY_BE_BOUND = new Set(['MACHINE_NOT_ACTIVATED', 'MACHINE_MISMATCH']);

export function createLicensing({ url, machine }: { url: string; machine: MachineIdentity }) {
  const client = createClient({ url });

  async function activate(key: string): Promise<Activation> {
    const { fingerprint, components } = machine;
    const body = { license_key: key, machine_id: fingerprint, components };
    try {
      return await client.request<Activation>('POST', '/api/licensing/activate', { body });
    } catch (error) {
      // A refusal has a body of the same shape; anything else is not about the licence.
      if (error instanceof LatchkeyApiError && error.body !== null && error.body.activated === false) {
        return error.body as unknown as Activation;
      }
      throw error;
    }
  }

  const validate = (key: string) =>
    client.request<Standing>('GET', '/api/licensing/validate', {
      query: { machine_id: machine.fingerprint },
      licenseKey: key,
    });

  return {
    activate,

    /** Without a key, or with one that is not in force here, what demo mode allows. */
    features: (key: string | null) =>
      client.request<Features>('GET', '/api/licensing/features', {
        query: { machine_id: machine.fingerprint },
        ...(key === null ? {} : { licenseKey: key }),
      }),

    /** Whether the licence is in force on this machine; one that is bound to none yet is bound to it. */
    async standing(key: string): Promise<{ standing: Standing; refused: Activation | null }> {
      const standing = await validate(key);
      if (standing.valid || !MAY_BE_BOUND.has(standing.code)) return { standing, refused: null };
      const activation = await activate(key);
      return activation.activated
        ? { standing: await validate(key), refused: null }
        : { standing, refused: activation };
    },
  };
}

export type Licensing = ReturnType<typeof createLicensing>;
