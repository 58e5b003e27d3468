import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { OperatorError } from './errors.ts';

const CIPHER = 'aes-256-gcm';
/** Bytes that GCM is made for, and its longest tag. */
const NONCE = 12;
const TAG = 16;

interface Key {
  /** Tells keys apart without telling anything about them. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/**
 * Encrypts what must not be readable in the database. The first key seals; the others open what was sealed
 * with them. A sealed text is `key id.nonce, tag and ciphertext`, and opens only under the name it was
 * sealed for.
 */
export class Seal {
  readonly #keys: readonly Key[];

  /** Keys of 32 bytes, the newest first. */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map((bytes) => ({
      id: createHash('sha256').update(bytes).digest('hex').slice(0, 8),
      bytes,
    }));
  }

  seal(name: string, text: string): string {
    const { id, bytes } = this.#keys[0]!;
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv(CIPHER, bytes, nonce).setAAD(Buffer.from(name));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `${id}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')}`;
  }

  /** @throws OperatorError when its key is not there, or it was tampered with */
  open(name: string, sealed: string): string {
    const [id, body = ''] = sealed.split('.');
    const key = this.#keys.find((other) => other.id === id);
    if (!key)
      throw unreadable(
        name,
        'was stored with a key that is not set any more: add that one after the new one, with a comma',
      );
    const bytes = Buffer.from(body, 'base64');
    try {
      const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE))
        .setAAD(Buffer.from(name))
        .setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
      return decipher.update(bytes.subarray(NONCE + TAG), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw unreadable(name, 'was changed in the database, so it is not used: install the bot there again');
    }
  }

  /** True when the newest key sealed it. */
  isNewest(sealed: string): boolean {
    return sealed.startsWith(`${this.#keys[0]!.id}.`);
  }
}

const unreadable = (name: string, why: string) => new OperatorError(`TOKEN_ENCRYPTION_KEY: ${name} ${why}.`);
