import './set.js';
import '../queries/catalog.int.spec.js';
