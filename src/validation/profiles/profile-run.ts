/**
 * One pass of the checks over one resource: what is reported, what must be loaded, and what was asked already.
 *
 * A class, so that every check sees an object of one shape: it is asked at every element.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { type Decimals, isObject, type Json, type Resource } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import {
  type CompiledProfile,
  type ElementNode,
  type ProfileCheck,
  type ProfileRef,
  type ProfileRun,
  refTo,
  type TypeLink,
  type UnusableProfile,
} from './compiled.js';
import { moreIssues } from '../issue-list.js';
import type { ProfileCache } from './profile-cache.js';
import { createTargetResolver, type TargetResolver } from './resolve.js';
import {
  type CheckedElement,
  type ElementPlace,
  type Finding,
  issueAt,
  type ProfileOptions,
  type ResolvedTarget,
  type ResourceSite,
} from '../run.js';
import { walkNode } from './walk.js';

/** Steps of one resource. */
const MAX_STEPS = 2_000_000;
/** Steps of compiling in one pass: a twentieth of a second. */
const MAX_COMPILING = 100_000;
/** Findings that are kept, of errors and of the rest. */
const MAX_FINDINGS = 1000;

interface PlacedFinding {
  readonly place: ElementPlace;
  readonly finding: Finding;
}

/** Whether the rules of a node hold for a value; undefined: not known. A number: it is being asked, at this depth. */
type FitAnswer = boolean | undefined | number;

/** What stays the same in all passes over a resource. */
export interface RunInput {
  readonly cache: ProfileCache;
  readonly decimals: Decimals | undefined;
  readonly options: ProfileOptions;
  readonly sites: readonly ResourceSite[];
  /** Whether the resource is large. */
  readonly large: boolean;
  readonly isMember: (value: Json, valueSet: string, from: Origin, run: ProfileRun) => boolean | undefined;
  readonly preferred: Origin | undefined;
  /** Profiles that this check uses: they do not change while it runs. */
  readonly pinned: Map<string, CompiledProfile | UnusableProfile>;
  /** Keys of what has been loaded for it. */
  readonly loaded: ReadonlySet<string>;
}

export class PassRun implements ProfileRun {
  readonly decimals: Decimals | undefined;
  readonly options: ProfileOptions;
  readonly preferred: Origin | undefined;
  readonly pending = new Map<string, () => Promise<void>>();
  readonly waiting: (() => void)[] = [];
  silent = false;
  stopped = false;
  private readonly input: RunInput;
  private doubted = false;
  apart = false;
  private steps = MAX_STEPS;
  private stepsApart = MAX_STEPS;
  private compiling = MAX_COMPILING;
  private resolver: TargetResolver | undefined;
  private sitesByResource: Map<Resource, ResourceSite> | undefined;
  private readonly errors: PlacedFinding[] = [];
  private readonly others: PlacedFinding[] = [];
  private more = 0;
  private readonly answers = new Map<object, Map<ElementNode, FitAnswer>>();
  /** How deep in questions, and the outermost of those that are being asked whose answer was taken for granted. */
  private depth = 0;
  private assumed = Infinity;
  /** Answers that rest on what was taken for granted. */
  private readonly provisional: { readonly answers: Map<ElementNode, FitAnswer>; readonly node: ElementNode }[] = [];
  private readonly applied = new Map<object, Set<ElementNode>>();

  constructor(input: RunInput) {
    this.input = input;
    this.decimals = input.decimals;
    this.options = input.options;
    this.preferred = input.preferred;
  }

  report(place: ElementPlace, finding: Finding): void {
    if (this.silent) {
      if (finding.severity === 'error') this.stopped = true;
      return;
    }
    const list = finding.severity === 'error' ? this.errors : this.others;
    if (list.length < MAX_FINDINGS) list.push({ place, finding });
    else this.more++;
  }

  need(key: string, load: () => Promise<void>): void {
    if (!this.input.loaded.has(key)) this.pending.set(key, load);
    this.doubted = true;
  }

  spend(steps: number): void {
    const left = this.apart ? (this.stepsApart -= steps) : (this.steps -= steps);
    if (left < 0) throw new FhirError('too-costly', 'The resource takes too long to check: send several smaller ones.');
  }

  compilesNow(steps: number): boolean {
    if (steps > this.compiling) return false;
    this.compiling -= steps;
    return true;
  }

  doubt(): void {
    this.doubted = true;
  }

  resolve(reference: string, from: ResourceSite): ResolvedTarget {
    this.resolver ??= createTargetResolver(this.input.sites);
    return this.resolver.resolve(reference, from);
  }

  siteOf(resource: Resource): ResourceSite | undefined {
    this.sitesByResource ??= new Map(this.input.sites.map(site => [site.resource, site]));
    return this.sitesByResource.get(resource);
  }

  later(work: () => void, isLong = this.input.large): void {
    if (isLong && !this.silent) this.waiting.push(work);
    else work();
  }

  isMember(value: Json, valueSet: string, from: Origin): boolean | undefined {
    const answer = this.input.isMember(value, valueSet, from, this);
    if (answer === undefined) this.doubted = true;
    return answer;
  }

  profileOf(ref: ProfileRef): CompiledProfile | UnusableProfile | undefined {
    const { pinned, cache } = this.input;
    const known = pinned.get(ref.key) ?? cache.peek(ref);
    if (known) {
      pinned.set(ref.key, known);
      return known;
    }
    this.need(`profile ${ref.key}`, async () => void pinned.set(ref.key, await cache.load(ref)));
    return undefined;
  }

  nodeOf(link: TypeLink): ElementNode | undefined {
    if (link.node) return link.node;
    this.need(`type ${link.type}`, () => this.input.cache.loadType(link));
    return undefined;
  }

  conforms(element: CheckedElement, profile: string, from: Origin): boolean | undefined {
    return this.fits(refTo(profile, from), element);
  }

  fits(ref: ProfileRef, element: CheckedElement): boolean | undefined {
    const profile = this.profileOf(ref);
    if (!profile?.usable) {
      this.doubted = true;
      return undefined;
    }
    if (!isOfType(profile.type, element)) return false;
    return this.holds(profile.root, this.ofOwnSite(element));
  }

  walk(node: ElementNode, element: CheckedElement): void {
    walkNode(node, this.ofOwnSite(element), this);
  }

  holds(node: ElementNode, element: CheckedElement): boolean | undefined {
    const { value } = element;
    if (!isObject(value)) return this.silently(() => walkNode(node, element, this));
    const answers = this.answers.get(value) ?? new Map<ElementNode, FitAnswer>();
    this.answers.set(value, answers);
    const known = answers.get(node);
    if (typeof known === 'number') {
      // It is being asked: a circle holds, unless something else in it does not.
      this.assumed = Math.min(this.assumed, known);
      return true;
    }
    if (answers.has(node)) {
      if (known === undefined) this.doubted = true;
      return known;
    }
    return this.find(answers, node, element);
  }

  private find(answers: Map<ElementNode, FitAnswer>, node: ElementNode, element: CheckedElement): boolean | undefined {
    const { assumed, depth } = this;
    const first = this.provisional.length;
    this.assumed = Infinity;
    answers.set(node, depth);
    this.depth++;
    const answer = this.silently(() => walkNode(node, element, this));
    this.depth--;
    answers.set(node, answer);
    if (this.assumed < depth) this.provisional.push({ answers, node });
    else {
      // What was found while this was taken for granted must be found anew.
      if (answer === false) for (const each of this.provisional.slice(first)) each.answers.delete(each.node);
      this.provisional.length = first;
      this.assumed = Infinity;
    }
    this.assumed = Math.min(this.assumed, assumed);
    return answer;
  }

  passes(check: ProfileCheck, element: CheckedElement): boolean | undefined {
    return this.silently(() => check(element, this));
  }

  /** Whether no error was reported meanwhile; undefined: that is not known. */
  private silently(work: () => void): boolean | undefined {
    const { silent, stopped, doubted } = this;
    this.silent = true;
    this.stopped = false;
    this.doubted = false;
    work();
    const answer = this.stopped ? false : this.doubted ? undefined : true;
    this.silent = silent;
    this.stopped = stopped;
    this.doubted = doubted || answer === undefined;
    return answer;
  }

  apply(ref: ProfileRef, element: CheckedElement): void {
    if (this.silent) {
      if (this.fits(ref, element) === false) this.stopped = true;
      return;
    }
    const profile = this.profileOf(ref);
    if (!profile) return;
    if (!profile.usable) return this.reportUnusable(ref, profile, element);
    if (!isOfType(profile.type, element)) return this.reportWrongType(profile, element);
    const { value } = element;
    if (isObject(value)) {
      const applied = this.applied.get(value) ?? new Set<ElementNode>();
      if (applied.has(profile.root)) return;
      this.applied.set(value, applied.add(profile.root));
    }
    for (const flaw of profile.flaws)
      this.report(element.place, {
        severity: 'warning',
        code: 'informational',
        detail: 'not-checked',
        text: `The profile has a flaw, so that a part of it is not checked. ${flaw}`,
        diagnostics: profile.name,
      });
    walkNode(profile.root, this.ofOwnSite(element), this);
  }

  /** A resource inside another, as one of its own. */
  private ofOwnSite(element: CheckedElement): CheckedElement {
    const { value, site } = element;
    if (!isObject(value) || typeof value['resourceType'] !== 'string' || site.resource === value) return element;
    const own = this.siteOf(value as Resource);
    return own ? { ...element, site: own } : element;
  }

  private reportUnusable({ canonical }: ProfileRef, { reason }: UnusableProfile, { place }: CheckedElement): void {
    this.report(place, {
      severity: 'warning',
      code: reason === undefined ? 'not-found' : 'informational',
      detail: reason === undefined ? 'unknown-profile' : 'not-checked',
      text:
        reason === undefined
          ? 'The profile is not known here: it is not checked. Install the guide that defines it.'
          : `The profile cannot be used, so that it is not checked. ${reason}`,
      diagnostics: canonical,
    });
  }

  private reportWrongType({ type, name }: CompiledProfile, { place }: CheckedElement): void {
    this.report(place, {
      severity: 'error',
      code: 'structure',
      detail: 'profile-type',
      text: `The profile is one of ${type}.`,
      diagnostics: name,
    });
  }

  /** Errors first, each once; of those that were not kept how many they are. */
  issues(): Issue[] {
    const seen = new Set<string>();
    const issues: Issue[] = [];
    for (const { place, finding } of [...this.errors, ...this.others]) {
      const issue = issueAt(place, finding);
      const key = [issue.severity, issue.expression, issue.detail, issue.text, issue.diagnostics].join('\n');
      if (!seen.has(key)) issues.push(issue);
      seen.add(key);
    }
    if (this.more > 0) issues.push(moreIssues(this.more));
    return issues;
  }
}

/** Whether a profile of this type can be asked of the value. */
const isOfType = (type: string, element: CheckedElement): boolean =>
  type === element.type ||
  type === 'Resource' ||
  type === 'Element' ||
  type === 'DomainResource' ||
  type === 'BackboneElement' ||
  element.type.includes('.');
