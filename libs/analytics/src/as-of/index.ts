export { AsOfStates, type AskedStates, type Tables } from './states.js';
