export { AsOfStates, type Analytics, type AskedStates, type Share } from './states.js';
