import type { LicensePolicy } from '../catalog/index.ts';
import { type Cryptography, toHex } from '../cryptography.ts';

/** Parts of a machine by name, such as `board` and `disk`, each as a digest: see `digestComponents`. */
export type MachineComponents = Readonly<Record<string, string>>;

/** How a machine presents itself. */
export interface PresentedMachine {
  fingerprint: string;
  components?: MachineComponents | undefined;
}

/** The machines that hold a seat, by fingerprint, with their components where they told them. */
export type LiveMachines = ReadonlyMap<string, MachineComponents | null>;

/**
 * Which machine the presented one is. `known`: this one, by its fingerprint or by enough of its components. `copy`: it has the
 * fingerprint of a machine whose components are others, as a cloned disk has. `unknown`: none of them.
 */
export type MachineMatch =
  | { kind: 'known'; fingerprint: string }
  | { kind: 'copy'; fingerprint: string }
  | { kind: 'unknown' };

/**
 * Finds the presented machine among the live ones. Where both sides tell components, these decide, and a machine keeps its seat
 * with a new network card or a new fingerprint; where one side tells none, the fingerprint does.
 */
export function matchMachine(
  machines: LiveMachines,
  presented: PresentedMachine,
  strategy: LicensePolicy['machineMatching'],
): MachineMatch {
  const { fingerprint, components } = presented;
  const namesake = machines.get(fingerprint);
  if (toldNone(components)) {
    return namesake === undefined ? { kind: 'unknown' } : { kind: 'known', fingerprint };
  }
  if (namesake !== undefined && (toldNone(namesake) || isSame(namesake, components, strategy))) {
    return { kind: 'known', fingerprint };
  }
  const kin = nearest(machines, components, strategy);
  if (kin !== null) return { kind: 'known', fingerprint: kin };
  return namesake === undefined ? { kind: 'unknown' } : { kind: 'copy', fingerprint };
}

/** How many of a machine's components must be found again for it to count as the same. */
export function neededMatches(strategy: LicensePolicy['machineMatching'], components: number): number {
  switch (strategy) {
    case 'any':
      return 1;
    case 'two':
      return Math.min(2, components);
    case 'most':
      return Math.floor(components / 2) + 1;
    case 'all':
      return components;
  }
}

/**
 * Components as they are kept and compared: 16 bytes of an HMAC-SHA-256 keyed with the licence's id, in hexadecimal. The same part
 * looks different on another licence, so that what is stored does not tell who else has it.
 */
export function digestComponents(
  licenseId: string,
  components: Readonly<Record<string, string>>,
  cryptography: Pick<Cryptography, 'hmacSha256' | 'utf8'>,
): MachineComponents {
  const salt = cryptography.utf8(licenseId);
  return Object.fromEntries(
    Object.entries(components).map(([name, value]) => [
      name,
      toHex(cryptography.hmacSha256(salt, cryptography.utf8(`${name}\n${value}`)).subarray(0, 16)),
    ]),
  );
}

function nearest(
  machines: LiveMachines,
  presented: MachineComponents,
  strategy: LicensePolicy['machineMatching'],
): string | null {
  let best: { fingerprint: string; matches: number } | null = null;
  for (const [fingerprint, components] of machines) {
    if (toldNone(components) || !isSame(components, presented, strategy)) continue;
    const matches = countMatches(components, presented);
    if (best === null || matches > best.matches) best = { fingerprint, matches };
  }
  return best?.fingerprint ?? null;
}

function isSame(
  stored: MachineComponents,
  presented: MachineComponents,
  strategy: LicensePolicy['machineMatching'],
): boolean {
  return countMatches(stored, presented) >= neededMatches(strategy, Object.keys(stored).length);
}

function countMatches(stored: MachineComponents, presented: MachineComponents): number {
  let matches = 0;
  for (const name of Object.keys(stored)) if (stored[name] === presented[name]) matches += 1;
  return matches;
}

function toldNone(components: MachineComponents | null | undefined): components is null | undefined {
  for (const _name in components) return false;
  return true;
}
