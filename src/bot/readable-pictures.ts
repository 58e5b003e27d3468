import type { Logger } from 'pino';
import { type ChatMessage, type ChatRequest, type Hear, type Model, ModelError } from '../model/model.ts';
import type { Turn } from '../store/store.ts';
import { isBlank, type Pictures } from './pictures.ts';

/** Every server reads these; llama-server reads WebP only where ffmpeg is beside it (llama.cpp #27520). */
const COMMON = /^data:image\/(png|jpeg);/;

export interface ReadablePicturesParts {
  readonly model: Pick<Model, 'chat'>;
  readonly turn: Turn;
  readonly pictures: Pictures;
  /** What the model is sent with these pictures. */
  readonly messagesWith: (pictures: Pictures) => readonly ChatMessage[];
  readonly log: Logger;
}

/**
 * A model that is given fewer pictures where its server cannot read one. Pictures stay in the conversation: each of
 * its later turns would be refused, too.
 */
export class ReadablePictures implements Pick<Model, 'chat'> {
  readonly #parts: ReadablePicturesParts;
  #given: Pictures;

  constructor(parts: ReadablePicturesParts) {
    this.#parts = parts;
    this.#given = parts.pictures;
  }

  /** Whether one of the question's own was left out. */
  get leftOut(): boolean {
    const { turn, pictures } = this.#parts;
    return turn.question.images.some(({ url }) => pictures.has(url) && !this.#given.has(url));
  }

  async chat(request: ChatRequest, hear: Hear): Promise<void> {
    const { model, turn, messagesWith, log } = this.#parts;
    try {
      return await model.chat(request, hear);
    } catch (error) {
      if (!(error instanceof ModelError) || error.fault !== 'pictures' || this.#given.size === 0) throw error;
      const fewer = fewerThan(this.#given);
      if (isBlank(turn.question, fewer)) throw error;
      log.warn(
        { turn: turn.id, ...error.detail },
        'the model’s server cannot read a picture; asking without it',
      );
      this.#given = fewer;
      return this.chat({ ...request, messages: messagesWith(fewer) }, hear);
    }
  }
}

/** Those that every server reads, and after those none. */
function fewerThan(pictures: Pictures): Pictures {
  const common = new Map([...pictures].filter(([, data]) => COMMON.test(data)));
  return common.size < pictures.size ? common : new Map();
}
