import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { matchMachine } from '@latchkey/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityOf, identityWith, MachineUnknownError } from './machine.ts';
import { type MachineSources, readMachineFacts, thisMachine } from './machine-facts.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-machine-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function put(path: string, text: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A network card below its device, as /sys shows it. */
function card(name: string, address: string, device: string | null) {
  put(`sys/class/net/${name}/address`, `${address}\n`);
  if (device === null) return;
  mkdirSync(join(root, 'sys/devices', device), { recursive: true });
  symlinkSync(join(root, 'sys/devices', device), join(root, 'sys/class/net', name, 'device'));
}

const linux = (): MachineSources => ({
  ...thisMachine,
  platform: 'linux',
  root,
  cpus: () => [cpu, cpu],
  print: async () => null,
});
const cpu = { model: 'Maker  CPU 9000', speed: 3_000, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };

describe('the facts of a machine', () => {
  it('are its own parts, and not what is plugged in or made up', async () => {
    put('etc/machine-id', '0123456789abcdef0123456789abcdef\n');
    card('eth0', '3c:22:fb:00:00:02', 'pci0/eth0');
    card('wlan0', '3C:22:FB:00:00:01', 'pci0/wlan0');
    card('dock0', '3c:22:fb:00:00:03', 'pci0/usb1/dock0');
    card('docker0', '02:42:00:00:00:01', null);
    card('virtual0', '3e:22:fb:00:00:04', 'virtio/virtual0');
    put('sys/block/nvme0n1/serial', 'S5GX\n');
    put('sys/block/sda/removable', '1\n');
    put('sys/block/sda/device/serial', 'STICK\n');
    put('sys/block/loop0/serial', 'LOOP\n');
    expect(await readMachineFacts(linux())).toEqual({
      system: '0123456789abcdef0123456789abcdef',
      cpu: 'Maker CPU 9000 x2',
      network: '3c:22:fb:00:00:01,3c:22:fb:00:00:02',
      disk: 'S5GX',
    });
  });

  it.each(['', 'uninitialized\n', '00000000000000000000000000000000\n'])('have no system id in %j', async (text) => {
    put('etc/machine-id', text);
    expect(await readMachineFacts(linux())).toEqual({ cpu: 'Maker CPU 9000 x2' });
  });

  it('are read on Windows and macOS from what these print', async () => {
    const network = { family: 'IPv4', address: '10.0.0.2', netmask: '', cidr: null, internal: false } as const;
    const printed: Record<string, string> = {
      reg: '    MachineGuid    REG_SZ    7f0c-win\r\n',
      powershell: 'WD-2\r\nWD-1\r\n',
      ioreg: '  "IOPlatformUUID" = "1B2C-mac"',
      system_profiler: '          Serial Number: APPLE-7\n',
    };
    const from = (platform: NodeJS.Platform): MachineSources => ({
      ...linux(),
      platform,
      networkInterfaces: () => ({
        en0: [{ ...network, mac: '3c:22:fb:00:00:09' }],
        lo: [{ ...network, mac: '00:00:00:00:00:00' }],
      }),
      print: async (file) => printed[file] ?? null,
    });
    expect(await readMachineFacts(from('win32'))).toMatchObject({ system: '7f0c-win', disk: 'WD-1,WD-2' });
    expect(await readMachineFacts(from('darwin'))).toMatchObject({
      system: '1B2C-mac',
      disk: 'APPLE-7',
      network: '3c:22:fb:00:00:09',
    });
  });

  it('of this very machine can be read, whatever it is', async () => {
    for (const value of Object.values(await readMachineFacts())) expect(value).toMatch(/\S/);
  });
});

describe('the identity of a machine', () => {
  const facts = { system: 'id-1', cpu: 'cpu-1', network: 'mac-1', disk: 'disk-1' };
  const identity = identityOf(facts, 'product');

  it('is the same each time, and another in another product', () => {
    expect(identityOf({ ...facts }, 'product')).toEqual(identity);
    const other = identityOf(facts, 'another product');
    expect(other.fingerprint).not.toBe(identity.fingerprint);
    expect(other.components.cpu).not.toBe(identity.components.cpu);
  });

  it('shows none of the facts', () => {
    expect(JSON.stringify(identity)).not.toMatch(/-1/);
    expect(identity.facts).toEqual(['cpu', 'disk', 'network', 'system']);
  });

  it('is known again by the server’s rules after one part was replaced, and not in another machine', () => {
    const seats = new Map([[identity.fingerprint, identity.components]]);
    const repaired = identityOf({ ...facts, network: 'mac-2' }, 'product');
    expect(repaired.fingerprint).not.toBe(identity.fingerprint);
    expect(matchMachine(seats, repaired, 'most')).toEqual({ kind: 'known', fingerprint: identity.fingerprint });
    const copied = identityOf({ ...facts, cpu: 'cpu-2', network: 'mac-2', disk: 'disk-2' }, 'product');
    expect(matchMachine(seats, copied, 'most')).toEqual({ kind: 'unknown' });
  });

  it('keeps an id of last resort for a machine that says too little, once made', async () => {
    const options = { salt: 'product', fallbackFile: join(root, 'deep', 'installation') };
    const little = { cpu: 'cpu-1' };
    const [one, ...others] = await Promise.all(Array.from({ length: 8 }, () => identityWith(little, options)));
    for (const other of others) expect(other).toEqual(one);
    expect(await identityWith(little, options)).toEqual(one);
    expect(one?.facts).toEqual(['cpu', 'installation']);
  });

  it('is not made of a processor alone', async () => {
    await expect(identityWith({ cpu: 'cpu-1' }, { salt: 'product' })).rejects.toBeInstanceOf(MachineUnknownError);
  });
});
