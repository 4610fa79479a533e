// The desks: who works at them, how much room they take, and where their code is. A desk's code is loaded when it is opened.
import type { ComponentType } from 'preact';
import { type Role, hasDrafts, isKeeper } from '../api/settings';
import type { ShellWord } from './words';

export interface DeskEntry {
  id: string;
  title: ShellWord;
  roles: readonly Role[];
  /** Beside the map; beside it, with more room; or over all of it. */
  layout: 'side' | 'wide' | 'full';
  load: () => Promise<{ default: ComponentType }>;
}

const EVERYBODY = ['public', 'worker', 'dispatcher', 'planner', 'admin'] as const;

export const DESKS: readonly DeskEntry[] = [
  { id: 'lookup', title: 'lookup', roles: EVERYBODY, layout: 'side', load: () => import('../desks/lookup/desk') },
  { id: 'dispatch', title: 'dispatch', roles: ['dispatcher', 'admin'], layout: 'wide', load: () => import('../desks/dispatch/desk') },
  { id: 'planner', title: 'planner', roles: ['planner', 'admin'], layout: 'wide', load: () => import('../desks/planner/desk') },
  { id: 'keeper', title: 'keeper', roles: ['worker', 'dispatcher', 'planner', 'admin'], layout: 'side', load: () => import('../desks/keeper/desk') },
  { id: 'board', title: 'board', roles: ['dispatcher', 'planner', 'admin'], layout: 'full', load: () => import('../desks/board/desk') },
  { id: 'citizen', title: 'citizen', roles: EVERYBODY, layout: 'side', load: () => import('../desks/citizen/desk') },
];

/** The desks at which a role works. */
export function desksOf(role: Role): DeskEntry[] {
  return DESKS.filter((desk) => desk.roles.includes(role) && (desk.id !== 'planner' || hasDrafts.value));
}

/** Of those the ones that are offered: a grid of one's own is to who keeps one, while a link to it opens for others too, and says so. */
export function offeredOf(role: Role): DeskEntry[] {
  return desksOf(role).filter(({ id }) => id !== 'keeper' || isKeeper.value);
}
