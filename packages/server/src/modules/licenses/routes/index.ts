export { type KeyHolderRoutes, keyHolderRoutes } from './key-holder.ts';
export { type VendorRoutes, vendorLicenseRoutes } from './vendor.ts';
