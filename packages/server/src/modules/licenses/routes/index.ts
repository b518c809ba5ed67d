export { exportRoutes } from './export.ts';
export { importRoutes } from './import.ts';
export { type KeyHolderRoutes, keyHolderRoutes } from './key-holder.ts';
export { type MachineRoutes, machineRoutes } from './machines.ts';
export { type OfflineRoutes, offlineRoutes } from './offline.ts';
export { type VendorRoutes, vendorLicenseRoutes } from './vendor.ts';
