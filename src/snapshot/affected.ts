/** What a change reaches beyond itself: whatever mentions it, and whatever it speaks for. */
import { type ResourceKey, serviceName } from '../names.ts'
import type { Mesh } from '../resources/mesh.ts'
import type { Resource } from '../resources/resource.ts'
import { type AddedPolicy, isAddedPolicy, isPolicy } from './policies/policyKinds.ts'
import { selectedServices, selectorsAt } from './policies/selection.ts'
import { MESH_KEY, policyTargets, providerTarget, referencesOf, routeUsersTarget, targetsOf } from './references.ts'
import type { IndexedResource, ResourceIndex } from './resourceIndex.ts'

/** A resource that was put or removed. `before` is what it was, so that what it no longer makes can go. */
export interface Changed {
	readonly key: ResourceKey
	readonly before?: IndexedResource['resource'] | undefined
	/** Whether it exists now and did not, or the other way round: references to it may resolve differently. */
	readonly existence: boolean
}

/** Resources that may now build to something else. The index shows the changes already. */
export function affected(changes: readonly Changed[], index: ResourceIndex): Set<ResourceKey> {
	const keys = new Set<ResourceKey>()
	const add = (more: Iterable<ResourceKey>) => {
		for (const key of more) keys.add(key)
	}
	for (const change of changes) {
		const [kind, namespace, name] = change.key.split('/') as [string, string, string]
		const documents = [change.before, index.get(change.key)?.resource].filter((document) => document !== undefined)
		for (const document of documents) add(spokenFor(document, index))
		if (kind === 'Service') add(selecting(change, documents, index))
		// A Service's endpoints travel in its own part; what else mentions it asks only whether it exists.
		if (kind === 'Service' && !change.existence) continue
		add(asking(change, index))
		for (const target of targetsOf(kind, namespace, name)) add(index.referrers(target))
	}
	return keys
}

/**
 * The targets that a policy had or has. Where one policy decides, also the others of these: some may now decide what they did not,
 * or no more. So it is with those that name one trust domain.
 */
function spokenFor(document: Resource, index: ResourceIndex): readonly ResourceKey[] {
	if (isAddedPolicy(document)) return [...targetsOfAdded(document, index), ...askingForUsers(document, index)]
	const rivals = () => referencesOf(document).flatMap((target) => index.referrers(target))
	if (isPolicy(document)) return [...policyTargets(document), ...rivals()]
	return document.kind === 'FederatedTrustDomain' ? rivals() : []
}

const targetsOfAdded = (policy: AddedPolicy, index: ResourceIndex): readonly ResourceKey[] =>
	policy.spec.selector === undefined ? policyTargets(policy) : selectedServices(policy, index)

/** Whose conditions are on the users that the policy makes known. */
const askingForUsers = (policy: AddedPolicy, index: ResourceIndex): readonly ResourceKey[] =>
	policy.kind === 'RequestAuthentication'
		? policyTargets(policy).flatMap((target) => index.referrers(routeUsersTarget(target)))
		: []

/** Policies whose selector chooses the Service now, or did: they tell whether it chooses any. */
function selecting(
	{ key, existence }: Changed,
	documents: readonly Resource[],
	index: ResourceIndex,
): readonly ResourceKey[] {
	const labels = documents.map(({ metadata }) => metadata.labels)
	const [was, is] = labels.map((each) => JSON.stringify(each))
	// Of a change that is none of the document's, what it was before is not told.
	if (!existence && (is === undefined || was === is)) return []
	const namespace = key.split('/')[1]!
	return labels.flatMap((each) => [
		...selectorsAt('AuthorizationPolicy', namespace, each, index),
		...selectorsAt('RequestAuthentication', namespace, each, index),
	])
}

/** Policies whose provider is not what it was, and what they are attached to: what is asked travels with the policy. */
function asking(change: Changed, index: ResourceIndex): readonly ResourceKey[] {
	const policies = changedProviders(change, index).flatMap((name) => index.referrers(providerTarget(name)))
	return policies.flatMap((key) => [key, ...targetsOfAdded(index.get(key)!.resource as AddedPolicy, index)])
}

/** A provider changes with the Mesh that names it, and when the Service that it is comes or goes. */
function changedProviders({ key, before }: Changed, index: ResourceIndex): readonly string[] {
	if (key !== MESH_KEY && !key.startsWith('Service/')) return []
	const is = providersOf(index.get(MESH_KEY)?.resource)
	if (key !== MESH_KEY) {
		const [, namespace, name] = key.split('/') as [string, string, string]
		const service = serviceName(namespace, name)
		return is.filter(({ envoyExtAuthzHttp }) => envoyExtAuthzHttp.service === service).map((provider) => provider.name)
	}
	const was = providersOf(before)
	const texts = (providers: typeof is) => new Set(providers.map((provider) => JSON.stringify(provider)))
	const [old, now] = [texts(was), texts(is)]
	const differing = [...was, ...is].filter((provider) => {
		const text = JSON.stringify(provider)
		return !old.has(text) || !now.has(text)
	})
	return [...new Set(differing.map(({ name }) => name))]
}

const providersOf = (mesh: Resource | undefined) => (mesh as Mesh | undefined)?.spec.extensionProviders ?? []
