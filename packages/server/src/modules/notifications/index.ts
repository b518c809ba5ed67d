/** Letters to customers. */

export { createMailDeliverer } from './deliverer.ts';
export {
  type ExternalMailTransport,
  type Mail,
  MailRefused,
  type MailTransport,
  type StoredMailTransport,
} from './mail.ts';
export {
  createNotifications,
  type MailLicenseReader,
  type Notice,
  type Notifications,
  type NotificationsOptions,
} from './service.ts';
export type { TemplateData, TemplateName } from './templates/index.ts';
export type { LicenseForMail } from './templates/template.ts';
export { createLogTransport } from './transports/log.ts';
export { createSmtpTransport, type SmtpTransport } from './transports/smtp.ts';
