/**
 * The API as an OpenAPI 3.1 document, made of its routes.
 * @module
 */
import { z } from 'zod';
import { documentSchema, problemSchema } from '../json/api.js';
import type { AnswerSpec, BodySpec, Route } from './route.js';

/** The document that describes these routes. */
export function openapi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  return {
    openapi: '3.1.0',
    info: { title: 'ipvs-ts serve', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [
      { url: 'http://localhost', description: 'by the unix socket, without a token' },
      { url: 'https://localhost', description: 'by TCP' },
    ],
    security: [{ token: [] }, {}],
    paths,
    components: {
      schemas: { Problem: schemaOf(problemSchema) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'of "ipvs-ts token create"; not at the unix socket' },
      },
    },
  };
}

function operation(route: Route): object {
  const { id, method, help, role, query = {}, body, match, path, answers } = route;
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => parameter('path', name, PLACES[name] ?? name));
  const asked = Object.entries(query).map(([name, text]) => parameter('query', name, text));
  const headers = [
    ...(match ? [parameter('header', 'If-Match', 'the ETag of what is changed')] : []),
    ...(method === 'POST' ? [parameter('header', 'Idempotency-Key', REPEATED)] : []),
  ];
  return {
    operationId: id,
    summary: help,
    description: `Role: ${role}`,
    parameters: [...named, ...asked, ...headers],
    ...(body !== undefined && { requestBody: bodyOf(body) }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, answer]) => [status, responseOf(Number(status), answer)]),
      ...Object.entries(problemsOf(route)).map(([status, text]) => [status, problemResponse(text)]),
      ['default', problemResponse('any other problem')],
    ]),
  };
}

const REPEATED =
  'a request that is sent again with the same key within a day is carried out once, and answered as before';

const PLACES: Readonly<Record<string, string>> = {
  service: 'the name of a service, encoded: tcp%3A%2F%2F192.0.2.1%3A80',
  server: 'a real server: 10.0.0.11 or 10.0.0.11:80',
  number: 'the number of an entry',
};

function parameter(place: 'path' | 'query' | 'header', name: string, description: string): object {
  return { in: place, name, description, required: place === 'path', schema: { type: 'string' } };
}

function problemsOf({ match, role }: Route): Record<string, string> {
  const refused = {
    401: 'no token that is known',
    ...(role !== 'reader' && { 403: `the token is not of ${role} or more` }),
    429: 'too many requests',
  };
  if (!match) return refused;
  return { ...refused, 412: 'somebody else has changed it', 428: 'neither If-Match nor If-None-Match is given' };
}

function bodyOf({ schema, optional }: BodySpec): object {
  const json = { 'application/json': { schema: schemaOf(schema ?? documentSchema) } };
  const yaml = { 'application/yaml': { schema: schemaOf(documentSchema) } };
  return { required: optional !== true, content: schema === undefined ? { ...json, ...yaml } : json };
}

function responseOf(status: number, { help, schema, type = 'application/json' }: AnswerSpec): object {
  if (status >= 400 && schema === undefined) return problemResponse(help);
  return { description: help, content: { [type]: { schema: schema === undefined ? {} : schemaOf(schema) } } };
}

function problemResponse(description: string): object {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return { description, content };
}

function schemaOf(schema: z.ZodType): object {
  // As of input: the schema of output would forbid fields of versions to come.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
