import { describe, expect, it } from 'vitest';
import { entitlementsOf, inheritsFromItself, limitsOf, lineage } from './inheritance.ts';

const free = { id: 'free', inherits: null, features: ['basic', 'manual'], limits: { bots: 3, agents: 1 } };
const pro = { id: 'pro', inherits: 'free', features: ['all_free_features', 'copy', 'basic'], limits: { bots: 100 } };
const elite = { id: 'elite', inherits: 'pro', features: ['api'], limits: { agents: -1 } };
const plans = [free, pro, elite];

describe('inheritance between plans', () => {
  it('puts the own features first and repeats none', () => {
    expect(entitlementsOf(plans, elite)).toEqual(['api', 'all_free_features', 'copy', 'basic', 'manual']);
    expect(entitlementsOf(plans, free)).toEqual(['basic', 'manual']);
  });

  it('lets the nearest limit win', () => {
    expect(limitsOf(plans, elite)).toEqual({ bots: 100, agents: -1 });
    expect(limitsOf(plans, free)).toEqual({ bots: 3, agents: 1 });
  });

  it('finds the plans of a loop, and ends in one', () => {
    const one = { ...free, id: 'one', inherits: 'two' };
    const two = { ...free, id: 'two', inherits: 'one' };
    const outside = { ...free, id: 'outside', inherits: 'one' };
    const looped = [one, two, outside];
    expect(looped.map((plan) => inheritsFromItself(looped, plan))).toEqual([true, true, false]);
    expect(lineage(looped, outside).map((plan) => plan.id)).toEqual(['outside', 'one', 'two']);
    expect(inheritsFromItself(plans, elite)).toBe(false);
  });
});
