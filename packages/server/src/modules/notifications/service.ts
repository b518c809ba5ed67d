/** Letters to customers: decided in the transaction of what they are about, written and sent once it has committed. */

import { type Catalog, findPlan, findProduct } from '@latchkey/core';
import { z } from 'zod';
import type { Connection, Transaction } from '../../db/database.ts';
import type { Outbox } from '../../jobs/outbox.ts';
import type { SealedLink } from '../accounts/index.ts';
import type { Letter } from './letter.ts';
import { type Mail, MailRefused } from './mail.ts';
import { renderHtml } from './render-html.ts';
import { renderText } from './render-text.ts';
import { type TemplateData, type TemplateName, templates } from './templates/index.ts';
import type { LetterContext, LicenseForMail } from './templates/template.ts';

/** What has to be said to whom. */
export interface Notice<Name extends TemplateName = TemplateName> {
  template: Name;
  to: string;
  /** Ids, dates (ISO 8601) and amounts. Never a key: what is given here is stored in clear. */
  data: TemplateData<Name>;
  /** The effect this letter is part of, such as `license:lic_1:issued`: it is written once, however often it is asked for. */
  effectKey: string;
}

/** Gives a letter the licence it is about, key and all, at the moment it is written. */
export interface MailLicenseReader {
  read(connection: Connection, licenseId: string): Promise<LicenseForMail | null>;
}

export interface NotificationsOptions {
  catalog: Catalog;
  licenses: MailLicenseReader;
  /** MAIL_FROM: `Name <address>` or an address, which then carries the vendor's name. */
  mailFrom: string;
  /** ALERT_EMAIL: where the vendor wants to hear of money that did not come; null or left out: nowhere. */
  alertEmail?: string | null;
  /** A function, because with port 0 the address is known only once the server listens. */
  publicUrl: () => string;
  /** The address behind a link to an owner. */
  ownerLink: (linkId: string) => string;
  /** Opens what accounts sealed; left out where there are none. */
  openLink?: (link: SealedLink) => string;
  outbox: Outbox;
}

export interface Notifications {
  /** Decides a letter. False when this effect's letter was decided before. Throws for data that the template cannot use. */
  notify<Name extends TemplateName>(transaction: Transaction, notice: Notice<Name>): Promise<boolean>;
  /** Decides a letter to the vendor, who may not want any. `object` is what it is about: each is told of once. */
  alertVendor(transaction: Transaction, alert: TemplateData<'vendor-alert'>): Promise<void>;
  /**
   * Writes the letter of an outbox row; null when there is nothing left to say. Throws MailRefused for a row that no
   * letter can be made of.
   */
  write(connection: Connection, row: { id: string; payload: unknown }): Promise<Mail | null>;
}

const names = Object.keys(templates) as [TemplateName, ...TemplateName[]];
const payloadSchema = z.object({ template: z.enum(names), to: z.string(), data: z.unknown() });
/** No more than keeps one address one address; whether it exists is the mail server's to say. */
const ADDRESS = /^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,255}$/;

export function createNotifications(options: NotificationsOptions): Notifications {
  const notify: Notifications['notify'] = async (transaction, { template, to, data, effectKey }) => {
    // Now, while the caller can still be told, rather than when nobody listens any more.
    const payload = payloadSchema.parse({ template, to, data });
    templates[template].data.parse(data);
    return options.outbox.enqueue(transaction, { effectKey: `mail:${effectKey}`, kind: 'mail', payload });
  };

  return {
    notify,
    async alertVendor(transaction, data) {
      if (options.alertEmail == null) return;
      const effectKey = `alert:${data.what}:${data.object}`;
      await notify(transaction, { template: 'vendor-alert', to: options.alertEmail, data, effectKey });
    },
    async write(connection, row) {
      const payload = payloadSchema.safeParse(row.payload);
      if (!payload.success) throw new MailRefused('the outbox row does not hold a letter');
      const { template, to } = payload.data;
      // Checked here and not in notify: a customer's odd address must not undo the transaction of a payment.
      if (!ADDRESS.test(to)) throw new MailRefused('the recipient is not an e-mail address');
      const shown: string[] = [];
      const context = letterContext(options, connection, shown);
      const letter = await compose(template, payload.data.data, context);
      if (letter === null) return null;
      const { name, supportEmail } = letter.sender;
      return {
        id: row.id,
        to,
        from: senderOf(options.mailFrom, name),
        replyTo: supportEmail,
        subject: letter.subject,
        text: renderText(letter),
        html: renderHtml(letter),
        keys: shown,
      };
    },
  };
}

async function compose(template: TemplateName, data: unknown, context: LetterContext): Promise<Letter | null> {
  try {
    return await templates[template].write(data, context);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new MailRefused(`the data of the letter ${template} do not fit it: ${error.issues[0]?.message}`);
  }
}

function letterContext(options: NotificationsOptions, connection: Connection, shown: string[]): LetterContext {
  const { catalog, licenses, publicUrl, ownerLink, openLink } = options;
  // Whoever has such a link acts as the owner: a transport that shows letters masks it like a key.
  const show = (link: string): string => {
    shown.push(link);
    return link;
  };
  return {
    publicUrl: publicUrl(),
    ownerLink: (id) => show(ownerLink(id)),
    openLink(link) {
      if (openLink === undefined) throw new MailRefused('nobody here opens the links of accounts');
      return show(openLink(link));
    },
    house: houseOf(options),
    // A product may have left the catalog since it was sold; the letter still has to be written.
    product: (id) => findProduct(catalog, id) ?? { name: id, vendor: { name: id, supportEmail: null, url: null } },
    plan: (productId, planId) => {
      const product = findProduct(catalog, productId);
      return product === null ? null : findPlan(product, planId);
    },
    async license(id) {
      const license = await licenses.read(connection, id);
      if (license !== null) shown.push(license.key);
      return license;
    },
  };
}

function houseOf({ catalog, mailFrom }: NotificationsOptions): Letter['sender'] {
  const [first, ...rest] = catalog.products;
  if (first !== undefined && rest.every(({ vendor }) => vendor.name === first.vendor.name)) return first.vendor;
  const named = /^\s*"?([^"<]+?)"?\s*</.exec(mailFrom)?.[1];
  return { name: named ?? mailFrom.slice(mailFrom.indexOf('@') + 1), supportEmail: null, url: null };
}

/** MAIL_FROM as it is when it names somebody; otherwise its address under the vendor's name. */
function senderOf(mailFrom: string, vendor: string): string {
  if (mailFrom.includes('<')) return mailFrom;
  return `"${vendor.replace(/["\\\r\n]/g, '')}" <${mailFrom}>`;
}
