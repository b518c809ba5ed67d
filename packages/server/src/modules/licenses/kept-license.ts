import type { Catalog, LicenseSnapshot, LicenseState, LiveMachines } from '@latchkey/core';
import { toSnapshot } from './policy.ts';
import type { LicenseRecord } from './record.ts';
import { type ShortLicense, shortView } from './views.ts';

/**
 * A licence as validation keeps it in memory, a million of them: what is the same for many licences is there once, and what most of them
 * do not have takes no room.
 */
export interface KeptLicense extends LicenseState {
  readonly id: string;
  readonly kind: LicenseKind;
  /** The live machines; where there is one, and it told no components, its fingerprint alone. */
  readonly machines: LiveMachines | string;
}

/** What licences of one plan with as many machines have in common. */
export type LicenseKind = Omit<LicenseSnapshot, keyof LicenseState | 'machines'> &
  Pick<LicenseRecord, 'machinesUsed'> & {
    /** Whether there is one for all licences of the kind, or this one is a single licence's. */
    isShared: boolean;
    /** Answers to plain questions, for all licences of the kind. */
    answers: Map<number, ReadyAnswer>;
  };

/** An answer without what is the licence's own. */
export interface ReadyAnswer {
  /** What stands between the licence's own texts. */
  readonly pieces: readonly string[];
  /** Which of its own texts follows each piece but the last. */
  readonly own: readonly OwnText[];
}

/** The texts of a licence that differ from those of its like. */
export type OwnText = 'id' | 'expiresAt' | 'startsAt' | 'end';

const NO_HOLDS: LicenseState['holds'] = [];
/** Far more than there are in any catalog times its seats; beyond it licences bring their own. */
const MOST_KINDS = 10_000;

/** Makes licences small. What is shared is shared among those of one keeper. */
export function createLicensePacker(catalog: Catalog): (record: LicenseRecord) => KeptLicense {
  const kinds = new Map<string, LicenseKind>();

  function kindOf(record: LicenseRecord, facts: Omit<LicenseSnapshot, keyof LicenseState | 'machines'>): LicenseKind {
    const { product, plan, maxMachines, machinesUsed } = record;
    const make = (isShared: boolean) => ({ ...facts, machinesUsed, isShared, answers: new Map() });
    if (Object.keys(record.overrides).length > 0) return make(false);
    const name = JSON.stringify([product, plan, maxMachines, machinesUsed]);
    const known = kinds.get(name);
    if (known !== undefined) return known;
    if (kinds.size >= MOST_KINDS) return make(false);
    const kind = make(true);
    kinds.set(name, kind);
    return kind;
  }

  return (record) => {
    const { startsAt, expiresAt, termBeginsWith, coverage, holds, machines, ...facts } = toSnapshot(record, catalog);
    return {
      id: record.id,
      kind: kindOf(record, facts),
      startsAt,
      expiresAt,
      termBeginsWith,
      coverage,
      holds: holds.length === 0 ? NO_HOLDS : holds,
      machines: onlyFingerprint(machines) ?? machines,
    };
  };
}

function onlyFingerprint(machines: LiveMachines): string | null {
  if (machines.size !== 1) return null;
  for (const [fingerprint, components] of machines) if (components === null) return fingerprint;
  return null;
}

/** The licence as the decisions in core take it. */
export function unpack({
  kind,
  startsAt,
  expiresAt,
  termBeginsWith,
  coverage,
  holds,
  machines,
}: KeptLicense): LicenseSnapshot {
  return {
    ...kind,
    startsAt,
    expiresAt,
    termBeginsWith,
    coverage,
    holds,
    machines: typeof machines === 'string' ? new Map([[machines, null]]) : machines,
  };
}

/** How many machines hold a seat. */
export function machinesOf({ machines }: KeptLicense): number {
  return typeof machines === 'string' ? 1 : machines.size;
}

/** Whether a machine of this fingerprint holds a seat. */
export function isLive({ machines }: KeptLicense, fingerprint: string): boolean {
  return typeof machines === 'string' ? machines === fingerprint : machines.has(fingerprint);
}

/** The licence as an answer shows it. */
export function viewOf({ id, kind, expiresAt }: KeptLicense): ShortLicense {
  const { product, plan, maxMachines, machinesUsed } = kind;
  return shortView({ id, product, plan, expiresAt, maxMachines, machinesUsed });
}
