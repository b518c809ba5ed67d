/** What needs a machine under it: files and hardware. For Node. */

export { clientOptionsFrom } from './environment.ts';
export { createFileSpool, type FileSpoolOptions } from './file-spool.ts';
export { createFileStore } from './file-store.ts';
export {
  identityOf,
  type MachineIdentity,
  type MachineIdentityOptions,
  MachineUnknownError,
  machineIdentity,
} from './machine.ts';
export { type MachineFacts, readMachineFacts } from './machine-facts.ts';
export { FolderInUseError } from './process-lock.ts';
