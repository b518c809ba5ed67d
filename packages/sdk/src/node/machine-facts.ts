/** What can be read about this machine without special rights. */

import { execFile } from 'node:child_process';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { cpus, networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** Facts about a machine, in clear: they stay on it. One that cannot be read is missing. */
export interface MachineFacts {
  /** The id that the operating system gave itself when it was installed. */
  system?: string;
  /** Model and number of the processors. */
  cpu?: string;
  /** Hardware addresses of the physical network cards. */
  network?: string;
  /** Serial numbers, or other lasting names, of the built-in disks. */
  disk?: string;
}

export interface MachineSources {
  platform: NodeJS.Platform;
  /** `/`; another folder for a test. */
  root: string;
  cpus: typeof cpus;
  networkInterfaces: typeof networkInterfaces;
  /** What a program prints; null where it is missing, fails or takes long. */
  print(file: string, args: readonly string[]): Promise<string | null>;
}

/** This machine. */
export const thisMachine: MachineSources = {
  platform: process.platform,
  root: '/',
  cpus,
  networkInterfaces,
  print: (file, args) =>
    new Promise((resolve) => {
      execFile(file, [...args], { timeout: 5_000, windowsHide: true, maxBuffer: 1024 * 1024 }, (error, output) =>
        resolve(error === null ? output : null),
      );
    }),
};

/** Reads what there is to read. Never throws: what cannot be read is missing. */
export async function readMachineFacts(sources: MachineSources = thisMachine): Promise<MachineFacts> {
  const [system, disk] = await Promise.all([readSystem(sources), readDisk(sources)]);
  const facts = { system, cpu: readCpu(sources), network: await readNetwork(sources), disk };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null && value !== ''));
}

function readCpu({ cpus: list }: MachineSources): string | null {
  const all = list();
  const model = all[0]?.model.replace(/\s+/g, ' ').trim();
  return model === undefined || model === '' || model === 'unknown' ? null : `${model} x${all.length}`;
}

/** machine-id(5) on Linux, MachineGuid on Windows, IOPlatformUUID on macOS. */
async function readSystem({ platform, root, print }: MachineSources): Promise<string | null> {
  if (platform === 'win32') {
    const key = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography';
    return found(await print('reg', ['query', key, '/v', 'MachineGuid']), /MachineGuid\s+REG_SZ\s+(\S+)/);
  }
  if (platform === 'darwin') {
    return found(await print('ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice']), /"IOPlatformUUID" = "([^"]+)"/);
  }
  for (const path of ['etc/machine-id', 'var/lib/dbus/machine-id', 'etc/hostid']) {
    const text = (await readText(join(root, path)))?.trim().toLowerCase() ?? '';
    // `uninitialized` and nothing stand in images that no machine has started yet.
    if (/^[0-9a-f-]{8,}$/.test(text) && !/^0+$/.test(text)) return text;
  }
  return null;
}

async function readDisk({ platform, root, print }: MachineSources): Promise<string | null> {
  if (platform === 'win32') {
    const script = '(Get-PhysicalDisk | Where-Object BusType -ne USB | Sort-Object DeviceId).SerialNumber';
    return joined(((await print('powershell', ['-NoProfile', '-Command', script])) ?? '').split(/\r?\n/));
  }
  if (platform === 'darwin') {
    return found(await print('system_profiler', ['SPNVMeDataType', 'SPSerialATADataType']), /Serial Number: (\S+)/);
  }
  const block = join(root, 'sys/block');
  const names = (await list(block)).filter((name) => !/^(loop|ram|zram|dm-|md|sr|fd|nbd)/.test(name));
  const serials = await Promise.all(
    names.map(async (name) => {
      if ((await readText(join(block, name, 'removable')))?.trim() === '1') return '';
      // A USB disk comes and goes: its device hangs below a usb bus.
      if ((await realpath(join(block, name)).catch(() => '')).includes('/usb')) return '';
      for (const file of ['device/serial', 'serial', 'wwid', 'device/wwid']) {
        const text = (await readText(join(block, name, file)))?.trim() ?? '';
        if (text !== '') return text;
      }
      return '';
    }),
  );
  return joined(serials);
}

/**
 * Addresses that are burnt in. Made-up ones (the second bit of the first byte, IEEE 802) are those of containers, virtual switches and
 * cards that hide theirs; and on Linux only what hangs on a device is a card.
 */
async function readNetwork({ platform, root, networkInterfaces: read }: MachineSources): Promise<string | null> {
  const found: string[] = [];
  if (platform === 'linux') {
    // All cards, also those that are switched off: a laptop is the same with and without its cable.
    const net = join(root, 'sys/class/net');
    for (const name of await list(net)) {
      const device = await realpath(join(net, name, 'device')).catch(() => null);
      if (device === null || device.includes('/usb')) continue;
      found.push((await readText(join(net, name, 'address')))?.trim() ?? '');
    }
  } else {
    for (const addresses of Object.values(read())) for (const { mac } of addresses ?? []) found.push(mac);
  }
  return joined(found.map((address) => address.toLowerCase()).filter(isBurntIn));
}

function isBurntIn(address: string): boolean {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) || address === '00:00:00:00:00:00') return false;
  return (Number.parseInt(address.slice(0, 2), 16) & 2) === 0;
}

/** The same text whatever order they are found in. */
function joined(values: readonly string[]): string | null {
  const distinct = [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))].sort();
  return distinct.length === 0 ? null : distinct.join(',');
}

function found(text: string | null, pattern: RegExp): string | null {
  return pattern.exec(text ?? '')?.[1]?.trim() ?? null;
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
