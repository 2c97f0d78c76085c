/**
 * The desired state: the file, what it would change, and putting another one in its place.
 * @module
 */
import type { DesiredState } from '../../config/desired-state.js';
import { readYaml } from '../../config/yaml.js';
import { type ConfigIssue, ReconcileError } from '../../errors.js';
import { documentSchema, planSchema, putSchema, validSchema } from '../../json/api.js';
import { type Document, documentOf, readDocument, replaceDocument } from '../desired-file.js';
import type { Director } from '../director.js';
import { Problem } from '../problem.js';
import { type Answer, type Call, DOCUMENT_LIMIT, flag, lists, type Route, refuseMismatch, tag } from '../route.js';

const DOCUMENT = { limit: DOCUMENT_LIMIT } as const;
const BAD = { help: 'the document has mistakes; errors has the path of each' };

export const DESIRED_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/desired',
    id: 'desired',
    role: 'operator',
    help: 'The document in the file, as JSON; with "Accept: application/yaml" as it was written',
    answers: { 200: { help: 'the document; its ETag is what a change needs', schema: documentSchema } },
    handle({ options: { file } }, { headers }) {
      const { bytes, revision } = readDocument(file);
      const etag = { ETag: tag(revision), Vary: 'Accept' };
      if (lists(headers['if-none-match'] ?? '', etag.ETag)) return { status: 304, headers: etag };
      if (/^(application|text)\/yaml\b/.test(headers.accept ?? '')) {
        return { headers: etag, type: 'application/yaml', text: bytes };
      }
      return { headers: etag, json: readYaml(bytes.toString()).value ?? {} };
    },
  },
  {
    method: 'PUT',
    path: '/v1/desired',
    id: 'putDesired',
    role: 'admin',
    help: 'Replaces the document in the file, and makes the table so; the header X-Reason says why, for the history',
    query: { dryRun: 'only tell what would be done' },
    body: DOCUMENT,
    match: true,
    answers: {
      200: { help: 'done, as far as the kernel takes it', schema: putSchema },
      202: { help: 'the file is written, and the table follows', schema: putSchema },
      409: { help: 'another program has the file locked' },
      422: BAD,
    },
    handle: (director, call) => putDocument(director, call, documentOf(call.body)),
  },
  {
    method: 'POST',
    path: '/v1/desired/validate',
    id: 'validate',
    role: 'reader',
    help: 'Checks a document',
    body: DOCUMENT,
    answers: { 200: { help: 'it can be kept', schema: validSchema }, 422: BAD },
    handle(director, { body }) {
      const { state, warnings } = readState(director, body);
      const services = state.services ?? [];
      const servers = services.reduce((sum, { destinations }) => sum + destinations.length, 0);
      return { json: { revision: documentOf(body).revision, services: services.length, servers, warnings } };
    },
  },
  {
    method: 'POST',
    path: '/v1/plan',
    id: 'plan',
    role: 'reader',
    help: 'What would make the table as a document says; without a body, as the file says',
    body: { ...DOCUMENT, optional: true },
    answers: { 200: { help: 'the steps', schema: planSchema }, 422: BAD },
    async handle(director, { body }) {
      const bytes = body.length === 0 ? readDocument(director.options.file).bytes : body;
      return { json: await director.plan(readState(director, bytes).state) };
    },
  },
];

/** Milliseconds that a request waits for the loop: a first round of checks may come before. */
const PATIENCE = 15_000;

/** Puts a document in the place of the one in the file, if the request knows which that is. */
export function putDocument(director: Director, call: Call, next: Document): Promise<Answer> {
  const { file } = director.options;
  const refuse = ({ revision }: Document) => refuseMismatch(call.headers, tag(revision));
  return director.write(async () => {
    refuse(readDocument(file));
    const { state, warnings } = readState(director, next.bytes);
    const plan = await director.plan(state);
    const told = { revision: next.revision, plan, warnings, refused: [], notTried: [] };
    if (flag(call, 'dryRun')) return { json: { ...told, outcome: 'dry run' } };
    await replaceDocument(file, next, refuse);
    director.noteRequest({ revision: next.revision, reason: reasonOf(call), who: call.visitor.name });
    director.reload();
    const look = await director.lookFor(next.revision, PATIENCE);
    const headers = { ETag: tag(next.revision) };
    if (look === undefined) return { status: 202, headers, json: { ...told, outcome: 'pending' } };
    const { error } = look;
    if (error === undefined) return { headers, json: { ...told, outcome: 'applied' } };
    if (!(error instanceof ReconcileError)) throw error;
    const refused = error.refused.map(({ step, error: { message } }) => ({ step, message }));
    return { headers, json: { ...told, outcome: 'refused', refused, notTried: error.notTried } };
  });
}

/** Why, as the request says it. @throws {Problem} 400 */
export function reasonOf({ headers }: Pick<Call, 'headers'>): string | undefined {
  const reason = headers['x-reason'];
  if (reason === undefined) return undefined;
  if (typeof reason === 'string' && reason.length <= 1000) return reason;
  throw new Problem(400, 'X-Reason must be one text of at most 1000 characters');
}

function readState(director: Director, bytes: Uint8Array): { state: DesiredState; warnings: ConfigIssue[] } {
  const warnings: ConfigIssue[] = [];
  return { state: director.read(bytes, (warning) => warnings.push(warning)), warnings };
}
